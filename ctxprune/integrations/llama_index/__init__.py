"""LlamaIndex (extra `llama-index`): a node postprocessor that prunes, a query engine on a database, and tools on one.

Names are imported when they are first used (`__init__.pyi` lists them).
"""

from typing import Any

import lazy_loader

from ctxprune.utils.extras import require

_import_name, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Checked here rather than where llama_index is imported: the message then names the extra and how to install it.
    require("llama_index.core", "llama-index")
    return _import_name(name)
