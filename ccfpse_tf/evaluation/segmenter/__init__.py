"""A segmentation network trained on the real images, to measure generated ones."""
