"""Presets: trained models in small folders; those that the package ships lie here."""
