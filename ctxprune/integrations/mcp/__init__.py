"""An MCP server: databases, guarded SQL and pruning as tools whose replies keep to a token budget.

`create_server` makes the server of the official SDK (extra `mcp`) over any `Workspace`; `ctxprune mcp` runs it over the
service's databases, keys and limits (`ctxprune.serve.mcp`).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
