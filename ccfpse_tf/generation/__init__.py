"""Images of a trained model: styles, pictures and the gallery page."""
