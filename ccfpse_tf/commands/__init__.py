"""Subcommands of the recipes and of ``ccfpse``: options in, one call, lines out."""
