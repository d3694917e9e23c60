"""Files: written whole or not at all, locked, and those of other programs."""
