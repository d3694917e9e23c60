"""The run folder: config, checkpoints, status, and the table of runs."""
