"""Measurements against stock programs: what to run goes in, JSON and rendered tables come out."""
