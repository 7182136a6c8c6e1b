"""A decoder of transformers as this library reads it: attention modules, rotary embeddings, hooks, inputs, files."""
