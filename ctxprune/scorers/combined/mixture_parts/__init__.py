"""What `ctxprune.scorers.combined.mixture` is made of."""
