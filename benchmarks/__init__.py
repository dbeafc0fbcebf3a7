"""Timings of what joulebench does with many samples, each beside the simplest way to touch the same bytes."""
