"""What measures the DUT's supply."""
