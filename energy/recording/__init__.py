"""Samples and edges on disk: the store, readers of other tools' traces, exports."""
