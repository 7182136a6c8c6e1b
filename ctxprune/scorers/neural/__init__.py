"""Neural scorers: the bundled pruner, cross-encoders, embeddings, Provence."""
