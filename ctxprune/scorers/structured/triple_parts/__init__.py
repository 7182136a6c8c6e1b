"""What the scorer of triples is made of: an index of the graph, features of edges, and their weights."""
