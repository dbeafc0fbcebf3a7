"""Checks a monitor with known loads: corrections of its current, with their uncertainties."""
