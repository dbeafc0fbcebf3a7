"""Supplies that power the DUT if the monitor does not."""
