"""The trained model: losses, optimisers, and the table of methods."""
