"""The ASGI application."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ctxprune._version import __version__
from ctxprune.utils.extras import require

require("fastapi", "serve")

from fastapi import FastAPI  # noqa: E402
from starlette.exceptions import HTTPException  # noqa: E402

from ctxprune.errors import RequestError  # noqa: E402
from ctxprune.serve import page  # noqa: E402
from ctxprune.serve.gateway import Gateway  # noqa: E402
from ctxprune.serve.routes import guardrail, health, prune, rerank, sql, sql_run  # noqa: E402
from ctxprune.serve.service import Service  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from fastapi import Request

    from ctxprune.serve.config import ServiceConfig
    from ctxprune.sql.generate.base import Generator

__all__ = ["create_app"]

_TEXT = "Prunes what enters a language model's context to what the question needs, and answers questions on databases."


def create_app(config: ServiceConfig, *, generators: Sequence[Generator] | None = None) -> FastAPI:
    """The service as an ASGI application; `app.state.service` is what its requests share.

    Args:
        config: See `ctxprune.serve.config.load_config`.
        generators: SQL generators; default as configured.

    Raises:
        CtxpruneError: The scorer or the generator cannot be made.
        MissingExtraError: The extra `serve` is not installed.
    """
    service = Service(config, generators)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        running = asyncio.ensure_future(service.run())
        yield
        service.stop()
        running.cancel()
        service.close()

    app = FastAPI(
        title="ctxprune",
        version=__version__,
        description=_TEXT,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,  # a redirect would name the host that the client named
        # Recent releases of FastAPI have spans and logs of their own, with paths and messages; ours have none.
        telemetry={"tracing": False, "operation_spans": False, "logs": False},
    )
    app.state.service = service
    # Before `app.openapi()` below, which lists the routes that exist then.
    for part in (prune, rerank, sql, sql_run, guardrail, health, page):
        app.include_router(part.router)
    app.add_exception_handler(HTTPException, _refused)
    # The paths that logs and metrics may name.
    service.routes = frozenset(app.openapi()["paths"]) | {"/", "/docs", "/openapi.json"}
    app.add_middleware(Gateway, service=service)
    return app


async def _refused(_request: Request, error: Any) -> Any:
    """What the framework refuses: no such path, another method, a body that cannot be read."""
    words = {404: "there is no such path", 405: "this path takes another method", 400: "the body cannot be read"}
    raise RequestError(words.get(error.status_code, "refused"), status=error.status_code, hint="see /docs")
