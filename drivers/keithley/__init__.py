"""Common parts of the Keithley SMUs."""
