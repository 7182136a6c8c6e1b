"""What is retrieved, in its own form: passages, tables, JSON documents and schemas; and what may be asked of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
