"""Published segmentation networks that judge generated images; inference only."""
