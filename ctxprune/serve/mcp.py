"""The MCP server over the service: its databases, keys, limits and pruning, by stdio or by HTTP at `/v1/mcp`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ctxprune.utils.extras import require

require("mcp", "mcp")

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser  # noqa: E402
from mcp.server.auth.provider import AccessToken  # noqa: E402
from mcp.server.stdio import stdio_server  # noqa: E402
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager  # noqa: E402
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS  # noqa: E402
from starlette.responses import Response  # noqa: E402
from starlette.routing import Route  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.integrations.mcp import Caller, create_server  # noqa: E402
from ctxprune.integrations.mcp.recall import Owner  # noqa: E402
from ctxprune.integrations.sql_tools.failures import describe_failure  # noqa: E402
from ctxprune.serve.app import create_app  # noqa: E402
from ctxprune.serve.call import Call  # noqa: E402
from ctxprune.serve.cost import estimate_seconds, is_short  # noqa: E402
from ctxprune.serve.logs import cause, log  # noqa: E402
from ctxprune.serve.parsing import parse  # noqa: E402
from ctxprune.serve.replies import encode  # noqa: E402
from ctxprune.serve.routes.prune import PruneRequest, plan  # noqa: E402
from ctxprune.serve.service import Service  # noqa: E402
from ctxprune.utils.environment import read_secret  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from anyio import CancelScope
    from fastapi import FastAPI

    from ctxprune.integrations.mcp.budget import ReplyBudget
    from ctxprune.serve.config import ServiceConfig
    from ctxprune.serve.databases import View
    from ctxprune.serve.keys import Key
    from ctxprune.sql.database.result_set import ResultSet
    from ctxprune.sql.guard import Verdict
    from ctxprune.sql.pipeline.answer import Answer
    from ctxprune.sql.schema.schema import Schema

__all__ = ["KEY_VARIABLE", "MCP_PATH", "ServiceWorkspace", "create_mcp_app", "run_stdio"]

T = TypeVar("T")
MCP_PATH = "/v1/mcp"
KEY_VARIABLE = "CTXPRUNE_KEY"
_JSON = "application/json"
_SESSION = "mcp-session-id"
_VERSION = "mcp-protocol-version"
_SESSIONS = 1_000  # that may be open at once, in equal parts for the keys
_IDLE_SECONDS = 1_800.0  # after which a session without requests ends
_MARGIN = 0.9  # of the deadline of a request, so that a call that takes too long still gets its reply
_LAST_SECONDS = 1.0  # that threads get when the client is gone; most were told to stop and only return


class ServiceWorkspace:
    """What a key of the service may use; see `ctxprune.integrations.mcp.Workspace`.

    Args:
        service: Whose databases, limits and scorer are used.
        key: Of whoever calls.
    """

    def __init__(self, service: Service, key: Key) -> None:
        self._service, self._key = service, key
        self.seconds = _MARGIN * service.config.limits.seconds
        self.text_bytes = service.config.limits.body_bytes

    def names(self) -> list[str]:
        """See `Workspace`."""
        return [entry.name for entry in self._service.config.databases if entry.name in self._key.databases]

    def view(self, database: str) -> View:
        """See `Workspace`."""
        return self._service.databases.view(database, self._key)

    def schema(self, database: str) -> Schema:
        """See `Workspace`."""
        return self._service.databases.schema(database, self._key)

    def check(self, database: str, sql: str) -> Verdict:
        """See `Workspace`."""
        from ctxprune.sql.guard import Guard

        schema = self.view(database).pipeline.schema
        return Guard(schema.dialect, schema).check(sql)

    def run_sql(self, database: str, sql: str) -> tuple[str, ResultSet]:
        """See `Workspace`."""
        return self.view(database).run(sql)

    def ask(self, database: str, question: str, evidence: str) -> Answer:
        """See `Workspace`."""
        answer = self.view(database).pipeline.ask(question, evidence)
        if answer.refusal is not None and answer.refusal.kind == "failed":
            self._service.databases.drop_outdated(database)  # perhaps a table is gone
        self._service.metrics.tokens("generate", answer.trace.tokens_in, answer.trace.tokens_out)
        return answer

    async def run(self, function: Callable[[], T]) -> T:
        """See `Workspace`."""
        return await self._service.run_blocking(function, self._key)

    async def prune(self, query: str, text: str, kind: str, budget: int | None) -> dict[str, Any]:
        """See `Workspace`. A long text is worked on in a process of its own, within the limits of `/v1/prune`."""
        service, limits = self._service, self._service.config.limits
        request = {"query": query, "text": text, "kind": kind, "budget": budget}
        # In a thread, as what reads the result below: of a long text each takes a while.
        body, cost = await self.run(partial(_encode_request, request))
        call = Call(uuid.uuid4().hex, {b"content-type": _JSON.encode()}, self._key, body=body)
        call.cost = cost
        if is_short(body, call.cost):
            task = plan(parse(PruneRequest, body, _JSON, limits.documents), service.scoring.scorer, call.id)
            outcome = await service.scoring.do(task, self._key, call.cost)
        else:
            outcome = await service.long.do("/v1/prune", call)
        service.metrics.tokens(outcome.stage, *outcome.tokens)
        service.metrics.stages(outcome.seconds)
        found: dict[str, Any] = await self.run(partial(json.loads, outcome.body))
        return found

    def describe_error(self, error: Exception) -> str:
        """See `Workspace`; what only the operator can mend goes to the log, under an id that the line ends with."""
        return describe_failure(error, _log_failure)


def _log_failure(error: Exception) -> str:
    id_ = uuid.uuid4().hex
    log("call failed", level=logging.ERROR, request_id=id_, cause=cause(error))
    return id_


def _encode_request(request: dict[str, Any]) -> tuple[bytes, float]:
    """The body that `/v1/prune` would get, and what the work on it costs."""
    body = encode({name: value for name, value in request.items() if value is not None})
    return body, estimate_seconds(body)


def create_mcp_app(config: ServiceConfig, *, budget: ReplyBudget | None = None) -> FastAPI:
    """The service with the MCP server at `/v1/mcp`, behind the same keys, limits and logs.

    Args:
        config: See `ctxprune.serve.config.load_config`.
        budget: Of each reply.

    Raises:
        CtxpruneError: The scorer or the generator cannot be made.
    """
    app = create_app(config)
    service: Service = app.state.service
    server = create_server(partial(_identify, service), budget=budget)
    managers = _create_managers(server, service)
    serving = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(started: FastAPI) -> AsyncIterator[Any]:
        async with serving(started) as state, AsyncExitStack() as running:
            for manager in managers.values():
                await running.enter_async_context(manager.run())
            yield state

    app.router.lifespan_context = lifespan
    app.router.routes.append(Route(MCP_PATH, _Endpoint(managers), methods=["DELETE", "GET", "POST"]))
    service.routes |= {MCP_PATH}
    return app


def _create_managers(server: Any, service: Service) -> dict[str, StreamableHTTPSessionManager]:
    """The SDK's HTTP server for each key, by its name: one alone would let a key use up the sessions of all."""
    names = [key.name for key in service.keys.all]
    return {
        name: StreamableHTTPSessionManager(
            server,
            json_response=True,  # and no event streams: the tools have nothing to tell but their replies
            session_idle_timeout=_IDLE_SECONDS,
            max_request_body_size=service.config.limits.body_bytes,
            max_sessions=max(1, _SESSIONS // len(names)),
        )
        for name in names
    }


def _identify(service: Service, request: Any) -> Caller:
    """Who calls over HTTP.

    Clients of the protocol of 2026 have no sessions; for these, what a reply left out is kept for their key.
    """
    state = request.scope["state"]
    key = state["call"].key
    # As the SDK routes requests: it looks at the session's header for the versions with a handshake alone, so that for
    # any other the header may hold what the client made up.
    version = request.headers.get(_VERSION)
    verified = version is None or version in HANDSHAKE_PROTOCOL_VERSIONS
    session = request.headers.get(_SESSION, "") if verified else ""
    return Caller(ServiceWorkspace(service, key), Owner(key.name, session), state["scopes"])


class _Endpoint:
    """The SDK's HTTP server as a route behind the gateway, which has read the body and watches the client."""

    def __init__(self, managers: Mapping[str, StreamableHTTPSessionManager]) -> None:
        self._managers = managers

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        """See the ASGI specification."""
        if scope["method"] == "GET":  # a stream of messages to the client, of which there are none
            await Response(status_code=405, headers={"allow": "DELETE, POST"})(scope, _receive, send)
            return
        call: Call = scope["state"]["call"]
        scopes: list[CancelScope] = []
        scope["state"]["scopes"] = scopes
        # So that the SDK refuses a session that was opened with another key.
        scope["user"] = AuthenticatedUser(AccessToken(token="", client_id=call.key.name, scopes=[]))
        body, call.body = call.body, b""
        try:
            await self._managers[call.key.name].handle_request(scope, _replay(body), send)
        finally:
            # In a session the tool works in a task of its own, which does not end with the request.
            for working in scopes:
                working.cancel()


def _replay(body: bytes) -> Any:
    """ASGI's receive for a body that was read; then it waits, until the gateway cancels it."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        if messages:
            return messages.pop()
        return await asyncio.get_running_loop().create_future()

    return receive


def run_stdio(config: ServiceConfig, *, budget: ReplyBudget | None = None) -> None:
    """Serve one client over stdin and stdout until it closes them.

    Args:
        config: See `ctxprune.serve.config.load_config`; where it has keys, the variable CTXPRUNE_KEY holds one of them.
        budget: Of each reply.

    Raises:
        UsageError: There are keys, and the variable holds none of them.
        CtxpruneError: The scorer or the generator cannot be made.
    """
    service = Service(config)
    try:
        workspace = ServiceWorkspace(service, _key_of_environment(service))
        server = create_server(lambda _request: Caller(workspace, Owner("stdio")), budget=budget)
        asyncio.run(_serve_stdio(server, service))
    finally:
        service.stop()
        service.close()
    if service.unfinished(_LAST_SECONDS):  # what a thread computes cannot be stopped, and the interpreter would wait
        sys.stderr.flush()
        os._exit(0)


def _key_of_environment(service: Service) -> Key:
    value = read_secret(KEY_VARIABLE, os.environ)
    key = service.keys.find({b"x-api-key": value.encode("utf-8", "surrogateescape")})
    if key is None:
        what = "holds no key of the configuration" if value else "is not set, and the configuration has keys"
        raise UsageError(f"the environment variable {KEY_VARIABLE} {what}", hint="set it to one of these keys")
    return key


async def _serve_stdio(server: Any, service: Service) -> None:
    # One client: no process is started for long requests before there is one.
    running = asyncio.ensure_future(service.run(workers=False))
    try:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
    except* (BrokenPipeError, ConnectionResetError):  # the client went away while a reply was written
        pass
    finally:
        running.cancel()
