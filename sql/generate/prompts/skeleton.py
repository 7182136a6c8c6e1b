"""The skeleton prompt: the query without its names first, then the query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...render.base import render
from .base import dialect_name, user_message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import Message

    from ..base import Request

__all__ = ["SkeletonPrompt"]

_ORDER = (
    "First write the skeleton of the query, with _ for every name and value (such as SELECT _ FROM _ WHERE _ = _), "
    "then the {} query. Answer with two lines:\nSkeleton: the skeleton\nSQL: the query"
)


@dataclass(frozen=True)
class SkeletonPrompt:
    """As `SmallPrompt`, but the answer is two lines, `Skeleton:` and `SQL:`.

    A skeleton is the query with _ for every name and value, so that its form is settled before its names: the decoder
    of RESDSQL (Li et al., 2023, arXiv:2302.05965) learned to write it first; a chat model is asked to. Read the answer
    with `SkeletonGenerator`.

    Attributes:
        form: Renderer of the schema.
    """

    form: str = "ddl.v1"
    name: str = "skeleton"
    stop: tuple[str, ...] = ()

    def messages(self, request: Request) -> Sequence[Message]:
        """One user message."""
        # The labels of the two lines are those that `extract_after_skeleton` looks for.
        order = _ORDER.format(dialect_name(request.schema.dialect))
        return user_message(render(request.schema, self.form), request, order=order)
