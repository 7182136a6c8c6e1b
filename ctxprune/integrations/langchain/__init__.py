"""LangChain: a document compressor and a retriever that prune, NL2SQL as a runnable and as a tool, agent middleware.

Names are imported when they are first used (`__init__.pyi` lists them). The extra `langchain` brings what they need;
`PruningMiddleware` and `ToolSelectionMiddleware` need the extra `agents`.
"""

from typing import Any

import lazy_loader

from ctxprune.utils.extras import require

_import_name, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Checked here rather than where langchain_core is imported: the message then names the extra and how to install it.
    require("langchain_core", "langchain")
    return _import_name(name)
