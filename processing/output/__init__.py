"""Usable rows to one folder per customer, and the others to `rejected.csv`."""
