"""What training must survive, shown at length: scripts that print tables."""
