"""One file, one press."""
