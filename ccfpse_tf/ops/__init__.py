"""Tensors in, tensors out: the arithmetic of all layers, and its fast forms."""
