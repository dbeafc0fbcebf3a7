"""Temperature chambers that a sweep sets."""
