"""A trained model draws: styles, pictures and the gallery page."""
