"""What `ctxprune.scorers.structured.page` is made of."""
