"""Structured memories: typed values with their sources, collected over a stream of chunks within a budget of tokens."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
