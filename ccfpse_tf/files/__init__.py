"""Files: atomic writing, locks, digests, and the formats of other programs."""
