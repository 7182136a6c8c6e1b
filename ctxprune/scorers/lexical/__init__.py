"""Lexical scorers: BM25 over words or character n-grams, with titles."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
