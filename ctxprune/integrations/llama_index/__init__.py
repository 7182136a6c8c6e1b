"""LlamaIndex (extra `llama-index`): a node postprocessor that prunes, a query engine on a database, and tools on one.

Names are imported when they are first used (`__init__.pyi` lists them).
"""

import lazy_loader

from ctxprune.utils.extras import require

# Before any module of this folder is imported, so that the message names the extra and how to install it.
require("llama_index.core", "llama-index")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
