"""Text: word splitting, folding and stemming, marks of chat templates, invisible characters."""
