"""What the Keithley SMUs have in common."""
