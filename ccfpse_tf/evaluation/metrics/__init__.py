"""Metrics of images: sums that add up over shards and can be resumed."""
