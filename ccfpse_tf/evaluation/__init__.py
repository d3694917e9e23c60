"""Measuring what a run draws: drawing, judging, reporting."""
