"""The bench: its file, its lock, and its instruments, whose drivers are found by entry point."""
