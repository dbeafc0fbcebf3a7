"""Twins of the IO managers on the virtual bench. They follow the maker's documents and import no driver."""
