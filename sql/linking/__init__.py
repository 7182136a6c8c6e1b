"""Schema linking: one file, one linker. Each cuts a schema to what a question needs and says why."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
