"""Endurance: a day of samples, an hour through the store, many sessions in one process."""
