"""Retrieved content as contexts: passages, pages, tables, JSON documents and schemas, logs, graphs; and policies for them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
