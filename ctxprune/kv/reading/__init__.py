"""Reading a context with a model whose cache is pruned: attention, hooks, sessions."""
