"""The virtual bench: instruments to try and test without hardware."""
