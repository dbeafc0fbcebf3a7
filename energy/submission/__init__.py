"""Submissions: trees, system descriptions, archives, and packages made from sessions."""
