"""What images are judged by: numbers that add up over shards and can be resumed."""
