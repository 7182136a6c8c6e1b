"""`ctxprune serve`: the HTTP service, on databases that are named or as a file configures it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ctxprune.serve.config import ServiceConfig

__all__ = ["serve"]


def serve(
    databases: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATABASE",
            help="Files and URLs of databases that may be asked; ${NAME} in a URL stands for an environment variable.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML file, as the README shows one.", show_default=False)
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address, instead of the file's; default 127.0.0.1.", show_default=False)
    ] = "",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Port, instead of the file's; default 8080.", show_default=False),
    ] = None,
) -> None:
    """Serve pruning, reranking and questions to databases over HTTP, until SIGTERM or Ctrl-C.

    Without a file it listens on this machine only, wants no key, and says on stderr where the explorer is. All other
    lines there are logs, as JSON, without contents or secrets. Needs the extra `serve`.
    """
    import dataclasses
    import logging

    from ctxprune.cli import _console
    from ctxprune.cli._options import fill_variables
    from ctxprune.cli._progress import show_progress
    from ctxprune.utils.extras import require

    require("uvicorn", "serve")
    from ctxprune.serve.config import ServiceConfig, load_config, with_databases

    settings = ServiceConfig() if config is None else load_config(config)
    place = settings.server
    server = dataclasses.replace(place, host=host or place.host, port=place.port if port is None else port)
    settings = with_databases(dataclasses.replace(settings, server=server), map(fill_variables, databases or ()))
    # Imported after the checks above: what runs the service takes a second to load.
    with show_progress("starting the service"):
        from ctxprune.serve.app import create_app
        from ctxprune.serve.run import log_handler, run

    def create(given: ServiceConfig) -> FastAPI:
        with show_progress("loading the models"):
            return create_app(given)

    def announce(address: str) -> None:
        if config is None:  # else a service manager reads stderr, which holds JSON lines and nothing else
            _console.print_note(f"the explorer is at {address}, the reference at {address}docs")

    logging.basicConfig(level=logging.INFO, handlers=[log_handler()])
    run(settings, announce, create=create)
