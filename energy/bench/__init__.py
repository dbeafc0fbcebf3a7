"""The bench: the file that describes it, its instruments put together by entry point, its lock."""
