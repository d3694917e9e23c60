"""Segments of photographs, and the canvases that are made of them (SIMS)."""
