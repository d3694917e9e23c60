"""The process: start-up, devices, workers, progress."""
