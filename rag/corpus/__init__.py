"""Corpora before retrieval: passages that answer no likely question, exact search over sparse vectors, cheap scorers."""
