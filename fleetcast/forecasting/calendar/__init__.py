"""Timestamps as numbers, and the pandas-like frequencies that step from one to the next."""
