"""The HTTP service: pruning, reranking and questions to databases, configured by one TOML file (extra `serve`).

from ctxprune.serve import create_app, load_config

app = create_app(load_config("service.toml"))     # an ASGI application; `ctxprune serve --config FILE` runs it
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
