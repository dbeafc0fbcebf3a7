"""Twins of the Keithley 2450 on the virtual bench. They follow the maker's documents and import no driver."""
