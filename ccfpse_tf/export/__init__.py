"""From a trained run to a SavedModel that TensorFlow Serving loads."""
