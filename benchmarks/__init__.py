"""Benchmarks: every figure is a ratio within one run; README.md explains them.

`BENCHMARKS` lists the modules that measure something, in the order of `make bench`.
"""

BENCHMARKS = (
    "conditional_convolution",
    "generator",
    "whole_network",
    "other_methods",
    "train_step",
    "classes",
    "pixels",
    "data_pipeline",
    "startup",
)
