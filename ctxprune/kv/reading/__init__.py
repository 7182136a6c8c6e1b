"""Reading a context with a model: views of layers, prefilled contexts, sessions of a press."""
