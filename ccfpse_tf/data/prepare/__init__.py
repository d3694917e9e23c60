"""Writing records: everything that only preparing a data set needs."""
