"""Keithley 2461."""
