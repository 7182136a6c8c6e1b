"""Calibration: keep sets with a guarantee, scales that make scores comparable, and how both are stored."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
