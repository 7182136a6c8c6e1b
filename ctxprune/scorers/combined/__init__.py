"""Scorers made of other scorers: fusion, cascades, dispatch by kind of context."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
