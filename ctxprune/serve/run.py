"""Runs the service until a signal stops it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn

from ctxprune.errors import UsageError
from ctxprune.serve.app import create_app
from ctxprune.serve.connections import Connections, LimitedProtocol
from ctxprune.serve.logs import JsonLines, log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI

    from ctxprune.serve.config import ServiceConfig

__all__ = ["log_handler", "run"]

_KEEP_SECONDS = 75  # longer than proxies keep a connection, so that they are not surprised by its end
_LAST_SECONDS = 1.0  # that threads get after the drain; most were told to stop and only return
_BACKLOG = 1024  # connections that the system holds until they are accepted
_MOST_ACCEPTS = (
    16  # in one pass of the event loop, 2 ms; hundreds at once keep open connections waiting for 0.1 seconds
)
_SWITCH_SECONDS = 0.001  # a thread that computes keeps the interpreter so long; by default 5 ms
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(
    config: ServiceConfig,
    announce: Callable[[str], None] = lambda _: None,
    *,
    create: Callable[[ServiceConfig], FastAPI] = create_app,
) -> None:
    """Serve until SIGTERM or SIGINT; then take no further connection, and end when all requests have, or when
    `drain_seconds` are over.

    Args:
        config: What to serve, and where.
        announce: Called with the service's address, which is that of the explorer, once it takes connections.
        create: Makes the application of the service.

    Raises:
        UsageError: The configuration names tables that a database does not have, or the address cannot be used.
        CtxpruneError: The scorer or the generator cannot be made.
    """
    app = create(config)
    service = app.state.service
    service.check()
    place = config.server
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        listener = socket.create_server((place.host, place.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise UsageError(
            f"cannot listen ({error.strerror})", where=f"{place.host}, port {place.port}", hint="name another by --port"
        ) from error
    # Inherited by connections; asyncio sets it only where sockets name their protocol, and an answer is two writes.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    settings = uvicorn.Config(
        app,
        http=partial(LimitedProtocol, limits=config.limits, others=Connections(config.limits.connections)),  # type: ignore[arg-type]
        loop="asyncio",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_MOST_ACCEPTS,
        timeout_keep_alive=_KEEP_SECONDS,
        timeout_graceful_shutdown=max(1, round(place.drain_seconds)),
        h11_max_incomplete_event_size=4 * config.limits.header_bytes + 65_536,
    )
    _raise_limits()
    port = listener.getsockname()[1]
    address = place.url(port)
    log("listening", host=place.host, port=port, explorer=address)
    for key in config.keys:
        if key.is_short and not place.is_loopback:
            log("short key", level=logging.WARNING, key=key.name, hint="give it 16 characters or more, by chance")
    announce(address)
    _Server(settings, service.stop).run(sockets=[listener])
    unfinished = service.unfinished(_LAST_SECONDS)
    log("stopped", unfinished=unfinished or None)
    if unfinished:  # what a thread computes cannot be stopped, and the interpreter would wait for it
        sys.stderr.flush()
        os._exit(0)


def _raise_limits() -> None:
    """As many connections as the system lets this process have, and the event loop gets its turn soon."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limit
        return
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def log_handler() -> logging.Handler:
    """Writes JSON lines to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    return handler


class _Server(uvicorn.Server):
    """uvicorn's server; a signal that was obeyed ends the process with exit code 0, and connections are accepted in
    small groups.
    """

    def __init__(self, config: uvicorn.Config, stop: Any) -> None:
        super().__init__(config)
        self._stop = stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        await super().startup(sockets)
        for listener in sockets or ():
            # asyncio accepts as many in one pass as it lets the system hold. The system may hold more than that.
            listener.listen(_BACKLOG)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """See `uvicorn.Server`, which raises the signal once more at the end."""
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """The first signal ends the service in good order, a further SIGINT at once."""
        self._stop()
        super().handle_exit(sig, frame)
