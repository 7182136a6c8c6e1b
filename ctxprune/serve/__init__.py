"""The HTTP service: pruning, reranking and questions to databases, configured by one TOML file (extra `serve`).

from ctxprune.serve import create_app, load_config

app = create_app(load_config("service.toml"))     # an ASGI application; `ctxprune serve --config FILE` runs it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.serve.app import create_app
    from ctxprune.serve.config import ServiceConfig, load_config

__all__ = ["ServiceConfig", "create_app", "load_config"]

__getattr__, __dir__ = lazy(__name__, {"ServiceConfig": "config", "create_app": "app", "load_config": "config"})
