"""What endpoints have in common: what they are given, and how they are described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, model_validator

from ctxprune.errors import UnknownNameError

if TYPE_CHECKING:
    from ctxprune.serve.gateway import Call
    from ctxprune.serve.service import Service

__all__ = ["CallOf", "ErrorReply", "ServiceOf", "Strict", "described"]

_LONGEST_NAME = 100


class Strict(BaseModel):
    """A request body; entries that are not known are refused, so that a misspelt one is not passed over."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _names(cls, data: Any) -> Any:
        """Unknown entries are told with the known ones, which pydantic leaves out."""
        for name in data if isinstance(data, dict) else ():
            if name not in cls.model_fields:
                raise UnknownNameError("entry", name[:_LONGEST_NAME], cls.model_fields)
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
    422: "the request is wrong; the message says where",
    429: "too many requests at once; Retry-After says when to come again",
    503: "a database or the service is not ready",
    504: "it took too long",
}


def described(reply: type[BaseModel], example: object) -> dict[int | str, dict[str, Any]]:
    """An endpoint's answers for OpenAPI: the one with its example, and the errors."""
    found: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorReply, "description": text} for status, text in _ERRORS.items()
    }
    return {200: {"model": reply, "content": {"application/json": {"example": example}}}, **found}
