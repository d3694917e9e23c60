"""Discriminators, a file for each kind."""
