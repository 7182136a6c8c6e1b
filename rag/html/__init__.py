"""HTML pages: cleaned to what a reader sees, as blocks and table rows that are kept or dropped, and given back."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
