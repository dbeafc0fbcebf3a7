"""The view of a running session: what is measured, on a page on the loopback or in the terminal."""
