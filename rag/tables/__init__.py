"""Tables as contexts of columns and rows, in whatever form they come; the same form comes out."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
