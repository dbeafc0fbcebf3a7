"""Compute windows: from edges to windows, their energy by three rules, and a session's figures."""
