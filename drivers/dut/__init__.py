"""The device under test: its serial protocol."""
