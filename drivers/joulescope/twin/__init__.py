"""Twins of the Joulescopes on the virtual bench. They follow the maker's documents and import no driver."""
