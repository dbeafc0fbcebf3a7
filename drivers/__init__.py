"""The instruments: links, monitors, supplies, IO managers, DUTs, and the virtual bench."""
