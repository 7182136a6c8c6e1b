"""Haystack (extra `haystack`): a component that prunes documents, one that answers from a database, and tools on one.

Names are imported when they are first used (`__init__.pyi` lists them). To load a stored pipeline with these
components, name this module in `allowed_modules`.
"""

import lazy_loader

from ctxprune.utils.extras import require

# Before any module of this folder is imported, so that the message names the extra and how to install it.
require("haystack", "haystack")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
