"""The networks of all methods as a user of PyTorch writes them, to be measured against.

Written from the papers' equations and the facts of each method. Memory order is
PyTorch's, `(batch, channels, height, width)`; layouts are one-hot.
"""
