"""Networks that were trained on photographs, and distances of their features."""
