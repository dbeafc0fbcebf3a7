"""Examines a bench step by step, from its ports to a first short window."""
