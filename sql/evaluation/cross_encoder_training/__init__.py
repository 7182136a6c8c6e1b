"""Training data of the cross-encoder: questions with right queries, and with queries that differ in one thing."""
