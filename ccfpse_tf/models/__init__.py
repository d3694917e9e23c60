"""Whole networks; import them from the package, ``from ccfpse_tf import ...``."""
