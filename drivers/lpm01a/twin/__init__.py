"""Twins of the LPM01A on the virtual bench. They follow the maker's documents and import no driver."""
