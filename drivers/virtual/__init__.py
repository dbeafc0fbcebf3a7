"""The virtual bench: what can be tried and tested without hardware."""
