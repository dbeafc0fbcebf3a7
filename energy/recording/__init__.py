"""Samples and edges on disk: the store, readers of foreign traces, exports."""
