"""Keysight N6705 with an N6781A."""
