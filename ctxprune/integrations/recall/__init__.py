"""Stores for what was left out of a model's context, so that it can be had back: `recall`.

`MemoryStore` and `SQLiteStore` need nothing but the standard library, `RedisStore` the extra `redis`, `LangGraphStore`
any store of LangGraph (extra `agents`).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
