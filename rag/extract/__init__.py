"""Records from texts: extraction with and without a chat model, checks with evidence, storage, schema proposals."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
