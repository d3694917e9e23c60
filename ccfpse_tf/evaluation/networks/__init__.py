"""Published segmentation networks that measure generated images, for inference only."""
