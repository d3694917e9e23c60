"""Building blocks; import them from the package, ``from ccfpse_tf import ...``."""
