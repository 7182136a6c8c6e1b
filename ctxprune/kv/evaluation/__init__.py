"""What pruning a cache costs: retrieval of one fact, perplexity of what follows, bytes, and time."""
