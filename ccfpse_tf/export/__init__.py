"""Exports a trained run as a SavedModel that TensorFlow Serving loads."""
