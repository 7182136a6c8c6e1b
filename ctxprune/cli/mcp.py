"""`ctxprune mcp shop.sqlite`: databases and pruning as tools for agents, over the Model Context Protocol."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._console import print_json, print_note
from ctxprune.cli._options import fill_variables
from ctxprune.cli._progress import show_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI

    from ctxprune.serve.config import ServiceConfig

__all__ = ["mcp"]

_TOKENS = 8_000  # `ctxprune.integrations.mcp.DEFAULT_TOKENS`, which is not imported for the help


class Transport(StrEnum):
    """How the client and the server exchange messages."""

    stdio = "stdio"
    http = "http"


def mcp(
    databases: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATABASE",
            help="SQLite or DuckDB files, or URLs such as 'postgresql://USER:${PASSWORD}@HOST/NAME'.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Configuration of the service, instead of databases.", show_default=False),
    ] = None,
    transport: Annotated[Transport, typer.Option(help="stdio for one client, http for several.")] = Transport.stdio,
    host: Annotated[str, typer.Option(help="Address to listen on, for http.", show_default=False)] = "",
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port to listen on, for http.", show_default=False)
    ] = None,
    budget: Annotated[int, typer.Option(min=600, help="Tokens that one reply may take.")] = _TOKENS,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print what a client needs to start this server, and stop.")
    ] = False,
) -> None:
    """Serve databases and pruning to agents over MCP, read-only, each reply within a token budget.

    Where the configuration has keys, stdio takes one from the variable CTXPRUNE_KEY, and http takes them in the header
    Authorization: Bearer KEY. Logs are JSON lines on stderr, without contents or secrets. Needs the extra `mcp`.
    """
    import logging

    from ctxprune.utils.extras import require

    require("mcp", "mcp")
    with show_progress("starting the service"):
        from ctxprune.integrations.mcp.budget import ReplyBudget
        from ctxprune.serve.mcp import create_mcp_app, run_stdio
        from ctxprune.serve.run import log_handler, run

    if transport is Transport.stdio and (host or port is not None):
        raise typer.BadParameter("give --transport http too", param_hint="--host, --port")
    settings = _settings(databases or (), config, host, port)
    if print_config:
        print_json(_describe_client(settings, databases or (), config, transport, budget))
        return
    logging.basicConfig(level=logging.INFO, handlers=[log_handler()])
    replies = ReplyBudget(budget)

    def create(given: ServiceConfig) -> FastAPI:
        with show_progress("loading the models"):
            return create_mcp_app(given, budget=replies)

    if transport is Transport.http:
        run(settings, create=create)
    else:
        run_stdio(settings, budget=replies)


def _settings(databases: Sequence[str], config: Path | None, host: str, port: int | None) -> ServiceConfig:
    import dataclasses

    from ctxprune.serve.config import ServiceConfig, load_config, with_databases

    if config is not None and databases:
        raise typer.BadParameter("give databases or --config, not both", param_hint="--config")
    settings = ServiceConfig() if config is None else load_config(config)
    place = settings.server
    server = dataclasses.replace(place, host=host or place.host, port=place.port if port is None else port)
    return with_databases(dataclasses.replace(settings, server=server), map(fill_variables, databases))


def _describe_client(
    settings: ServiceConfig, databases: Sequence[str], config: Path | None, transport: Transport, budget: int
) -> dict[str, Any]:
    """What a client needs; no secret is in it, but the names of variables that hold them."""
    from ctxprune.integrations.mcp.client_config import check_target, describe_http, describe_stdio
    from ctxprune.serve.mcp import KEY_VARIABLE, MCP_PATH

    if transport is Transport.http:
        url = settings.server.url().removesuffix("/") + MCP_PATH
        if settings.server.is_wildcard:
            print_note("the URL is for clients on this machine; write the server's name into it for others")
        return describe_http(url, KEY_VARIABLE if settings.keys else "")
    words = [check_target(target) for target in databases]
    words += ["--config", str(config.resolve())] if config is not None else []
    words += ["--budget", str(budget)] if budget != _TOKENS else []
    return describe_stdio(words, [KEY_VARIABLE] if settings.keys else [])
