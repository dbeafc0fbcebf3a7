"""Twins of the PPK2 on the virtual bench. They follow the maker's documents and import no driver."""
