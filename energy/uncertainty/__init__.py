"""Uncertainty of a figure: its budget by JCGM 100 (GUM), coverage, and comparison of figures."""
