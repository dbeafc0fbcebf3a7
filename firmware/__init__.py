"""Firmware of the bench (C, built by its Makefile) and the tools that write a part of it."""
