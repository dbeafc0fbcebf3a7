"""Twins of the supplies on the virtual bench. They follow the maker's documents and import no driver."""
