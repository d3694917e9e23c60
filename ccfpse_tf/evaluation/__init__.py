"""Evaluation of a run: generated images, metrics of them, and reports."""
