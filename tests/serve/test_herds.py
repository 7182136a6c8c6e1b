"""Hundreds of connections that begin or end together do not do it in one pass of the event loop."""

from __future__ import annotations

import asyncio
import socket

import pytest

uvicorn = pytest.importorskip("uvicorn", reason="the serve extra is not installed")

from ctxprune.serve import run  # noqa: E402
from ctxprune.serve.limits import spread  # noqa: E402


class Listener(socket.socket):
    """Remembers how many connections the system was told to hold."""

    def __init__(self) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self.backlogs: list[int] = []

    def listen(self, backlog: int = 0, /) -> None:
        self.backlogs.append(backlog)
        super().listen(backlog)


def test_few_connections_are_accepted_at_once_and_many_may_wait() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        raise AssertionError("nobody asks")

    async def main() -> None:
        config = uvicorn.Config(app, lifespan="off", log_config=None, backlog=run._MOST_ACCEPTS)
        config.load()
        server = run._Server(config, lambda: None)
        server.lifespan = config.lifespan_class(config)
        accepts: list[int] = []
        loop = asyncio.get_running_loop()
        serve = loop._start_serving  # type: ignore[attr-defined]

        def start_serving(
            factory: object, listener: object, context: object, server: object, most: int, *more: object
        ) -> None:
            accepts.append(most)
            serve(factory, listener, context, server, most, *more)

        loop._start_serving = start_serving  # type: ignore[attr-defined]
        with Listener() as listener:
            listener.bind(("127.0.0.1", 0))
            await server.startup([listener])
            assert accepts == [run._MOST_ACCEPTS]
            assert listener.backlogs == [run._MOST_ACCEPTS, run._BACKLOG]
            for one in server.servers:
                one.close()

    asyncio.run(main())


def test_limits_of_time_differ_and_are_never_shorter_than_said() -> None:
    limits = [spread(10.0) for _ in range(500)]
    assert 10.0 <= min(limits) <= max(limits) <= 12.5
    assert max(limits) - min(limits) > 1.5
