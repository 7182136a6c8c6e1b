"""What endpoints have in common: parsed bodies, remembered answers, and the description of their replies."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, model_validator

from ctxprune.errors import UnknownNameError
from ctxprune.serve.cost import SHORT_BYTES
from ctxprune.serve.long import LONG_PATHS
from ctxprune.serve.parsing import parse
from ctxprune.serve.replies import Json

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.responses import Response

    from ctxprune.serve.call import Call
    from ctxprune.serve.scoring import Outcome
    from ctxprune.serve.service import Service

__all__ = ["LONGEST_NAME", "BodyRoute", "CallOf", "ErrorReply", "ServiceOf", "Strict", "describe_replies", "make_reply"]

LONGEST_NAME = 100  # characters of whatever a request names


class BodyRoute(APIRoute):
    """A route whose function takes a parsed body, as `request`, and what the request shares, as `service` and `call`.

    FastAPI would parse each body in the event loop, however large, and collect every error of it. It still describes
    the route.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `fastapi.routing.APIRoute.get_route_handler`."""
        model = get_type_hints(self.endpoint).get("request")
        if model is None:
            return super().get_route_handler()

        async def handle(request: Request) -> Response:
            service, call = _service(request), _call(request)
            if self.path in LONG_PATHS:
                call.digest = service.answers.digest(self.path, call)
                if (outcome := service.answers.find(call.digest, call.id)) is not None:
                    call.log_fields["repeated"] = True
                    return make_reply(outcome, service, call)
            # The body is not even parsed here: that alone may take the interpreter for seconds.
            if not call.short and self.path in LONG_PATHS:
                return make_reply(await service.long.do(self.path, call), service, call)
            limits = service.config.limits
            read = partial(parse, model, call.body, call.content_type, limits.documents)
            # Long bodies are parsed in a thread, short ones at once: a thread costs more than they do.
            body = await service.run_blocking(read, call.key) if len(call.body) > SHORT_BYTES else read()
            response: Response = await self.endpoint(request=body, service=service, call=call)
            return response

        return handle


def make_reply(outcome: Outcome, service: Service, call: Call) -> Json:
    """The answer, which is remembered; what it took goes into metrics and the log."""
    service.answers.remember(call.digest, outcome, call.id)
    service.metrics.tokens(outcome.stage, *outcome.tokens)
    service.metrics.stages(outcome.seconds)
    service.metrics.texts(outcome.texts)
    call.log_fields |= outcome.log_fields
    return Json(outcome.body)


class Strict(BaseModel):
    """A request body; entries that are not known are refused, so that a misspelt one is not passed over."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _names(cls, data: Any) -> Any:
        """Unknown entries are told with the known ones, which pydantic leaves out."""
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for name in data if isinstance(data, dict) else ():
            if name not in known:
                raise UnknownNameError("entry", name, known)
        return data


class ErrorPart(BaseModel):
    """What went wrong, and what to do."""

    code: str
    message: str
    hint: str
    request_id: str


class ErrorReply(BaseModel):
    """What every error comes as."""

    error: ErrorPart


def _service(request: Request) -> Any:
    return request.app.state.service


def _call(request: Request) -> Any:
    return request.scope["state"]["call"]


if TYPE_CHECKING:
    ServiceOf = Annotated[Service, Depends(_service)]
    CallOf = Annotated[Call, Depends(_call)]
else:  # FastAPI looks at these types when it runs
    ServiceOf = Annotated[Any, Depends(_service)]
    CallOf = Annotated[Any, Depends(_call)]

_ERRORS = {
    401: "no key, or an unknown one",
    413: "the body is too large",
    408: "the body did not arrive in time",
    422: "the request is wrong; the message says where",
    429: "too many requests at once; Retry-After says when to come again",
    501: "a package that this needs is not installed with the service; the hint names it",
    503: "a database or the service is not ready",
    504: "it took too long",
}


def describe_replies(reply: type[BaseModel], example: object) -> dict[int | str, dict[str, Any]]:
    """An endpoint's answers for OpenAPI: the one with its example, and the errors."""
    found: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorReply, "description": text} for status, text in _ERRORS.items()
    }
    return {200: {"model": reply, "content": {"application/json": {"example": example}}}, **found}
