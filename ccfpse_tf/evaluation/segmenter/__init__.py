"""A segmentation network trained on the real images, which judges generated ones."""
