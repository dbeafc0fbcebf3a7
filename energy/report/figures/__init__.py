"""Figures for screen and print, all in one house style (``style``)."""
