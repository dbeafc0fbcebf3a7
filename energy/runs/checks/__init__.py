"""Checks of one run: each a small function of its measurement that yields findings."""
