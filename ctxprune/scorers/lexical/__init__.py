"""Lexical scorers: BM25 over words or character n-grams, with titles."""
