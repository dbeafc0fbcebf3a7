"""Validation: submissions and rounds, every printed figure recomputed, everything that is wrong named."""
