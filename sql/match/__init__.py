"""Schema matching: which columns of two schemas hold the same thing, and carrying knowledge to a changed schema."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
