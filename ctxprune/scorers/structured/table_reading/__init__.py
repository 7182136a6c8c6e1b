"""What the tabular scorer is made of: typed values, what a question demands, features and their weights."""
