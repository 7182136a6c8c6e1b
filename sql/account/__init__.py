"""An account of a question: which of its words a query answers, and which are left over."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
