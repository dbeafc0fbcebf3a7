"""Characterization: sweeps, floors, phases, layers, scenarios, battery life."""
