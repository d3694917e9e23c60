"""Random inputs for every reader of foreign bytes; see ``__main__``."""
