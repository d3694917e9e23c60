"""CC-FPSE semantic image synthesis in Keras 3 and TensorFlow."""

__version__ = "0.1.0"
