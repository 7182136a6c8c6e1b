"""`ctxprune serve --config FILE`: the HTTP service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["serve"]


def serve(
    config: Annotated[Path, typer.Option(metavar="FILE", help="TOML file, as the README shows one.")],
    host: Annotated[str, typer.Option(help="Address, instead of the file's.", show_default=False)] = "",
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port, instead of the file's.", show_default=False)
    ] = None,
) -> None:
    """Serve pruning, reranking and questions to databases over HTTP, until SIGTERM or Ctrl-C.

    Logs are JSON lines on stderr, without contents or secrets. Needs the extra `serve`.
    """
    import dataclasses
    import logging

    from ctxprune.utils.extras import require

    require("uvicorn", "serve")
    from ctxprune.serve.config import load_config
    from ctxprune.serve.run import log_handler, run

    settings = load_config(config)
    place = settings.server
    server = dataclasses.replace(place, host=host or place.host, port=place.port if port is None else port)
    settings = dataclasses.replace(settings, server=server)
    logging.basicConfig(level=logging.INFO, handlers=[log_handler()])
    run(settings)
