"""Subcommands of the recipes and of ``ccfpse``: their options and their output."""
