"""Several methods, trained and measured alike: the paper's tables on any data."""
