"""Parses the body of a request, or raises one error that says what is wrong with it."""

from __future__ import annotations

import json
from email.message import Message
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from ctxprune.errors import RequestError
from ctxprune.utils.validation import plain_fault

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["parse"]

M = TypeVar("M", bound="BaseModel")


def parse(model: type[M], body: bytes, content_type: str, documents: int) -> M:
    """The request that a body is.

    Args:
        model: What kind of request. Its lists stop at their first fault, so that the errors of a body take no more
            than the body.
        body: JSON.
        content_type: As sent; another than JSON is no request, so that a form of a foreign page is none.
        documents: Entries that a list of that name may have. They are counted before anything is made of them.

    Raises:
        RequestError: 400 or 422, with the place of the first fault, but not its value.
        UnknownNameError: An entry is unknown.
    """
    data = _json(body) if body and _is_json(content_type) else None
    if not isinstance(data, dict):
        raise RequestError("the body is no JSON object", status=422, hint="send one, as application/json")
    # Before validation, which would make an object of each entry first.
    listed = data.get("documents")
    if isinstance(listed, list) and len(listed) > documents:
        hint = f"at most {documents} are taken; send them in parts"
        raise RequestError(f"there are {len(listed)} documents", status=422, hint=hint)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, fault["loc"]))
        raise RequestError(f"{place}: {plain_fault(fault['msg'])}", status=422, hint="see /openapi.json") from None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise RequestError(
            f"the body is not JSON ({place}: {error.msg})", status=422, hint="see /openapi.json"
        ) from None
    except UnicodeDecodeError as error:
        what = f"the body is not UTF-8 (byte {error.start} is 0x{error.object[error.start]:02x})"
        raise RequestError(what, status=400, hint="encode it as UTF-8") from None
    except (ValueError, RecursionError):  # another encoding, a number without an end, nesting without one
        raise RequestError("the body cannot be read", status=400, hint="see /openapi.json") from None


def _is_json(content_type: str) -> bool:
    message = Message()
    message["content-type"] = content_type
    kind = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (kind == "json" or kind.endswith("+json"))
