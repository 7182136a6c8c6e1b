"""One file, one way to combine presses."""
