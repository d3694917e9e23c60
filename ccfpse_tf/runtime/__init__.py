"""The process around the work: start-up, devices, workers and progress display."""
