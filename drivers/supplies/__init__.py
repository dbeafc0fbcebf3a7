"""Supplies that power the DUT beside a monitor that does not."""
