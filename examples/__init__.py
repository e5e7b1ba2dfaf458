"""Runnable examples, and the data they make for themselves."""
