"""Generators, a file for each method."""
