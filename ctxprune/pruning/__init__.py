"""Pruning: score, select, render, within a budget, with an account of every unit."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
