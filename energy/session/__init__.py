"""Runs trials on a bench: the plan, the iteration search, retries, the folder of evidence, the guardian."""
