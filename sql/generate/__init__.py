"""Candidate SQL for a question: one file, one generator; `base` says what a generator is."""
