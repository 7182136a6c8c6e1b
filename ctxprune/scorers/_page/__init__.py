"""What `ctxprune.scorers.page` is made of."""
