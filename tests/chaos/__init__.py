"""Long checks of what training must survive: scripts that print tables."""
