"""Nordic PPK2."""
