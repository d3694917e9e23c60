"""Records: preparing, describing and reading them."""
