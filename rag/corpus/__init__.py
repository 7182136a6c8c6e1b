"""Corpora before retrieval: passages that answer no likely question, exact sparse search, cheap scorers."""
