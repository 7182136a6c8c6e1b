"""ctxprune."""
