"""The skeleton generator: a chat model writes the form of the query first, then the query."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .base import GENERATORS
from .chat import ChatGenerator
from .extract import Extracted, extract_sql
from .prompts.skeleton import SkeletonPrompt

if TYPE_CHECKING:
    from .prompts.base import Prompt

__all__ = ["SkeletonGenerator", "extract_after_skeleton"]

_LABEL = re.compile(r"^[ \t>*#-]*(?:\d[.)][ \t]*)?(skeleton|sql|query|answer)\b[^:\n]{0,20}:[ \t*]*", re.I | re.M)
# A bare _ is a slot of the skeleton; one within a name, a text or LIKE pattern is not.
_SLOT = re.compile(r"(?<![\w'\"`.%])_(?![\w'\"`%])")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`")
_FENCE = re.compile(r"(?:```|~~~)[^\n]*\n(.*?)(?:```|~~~|\Z)", re.DOTALL)


@GENERATORS.register("skeleton.v1")
@dataclass(frozen=True)
class SkeletonGenerator(ChatGenerator):
    """As `ChatGenerator`, with the skeleton before the SQL in the same answer (RESDSQL, Li et al., 2023).

    One call, at the price of about twice the answer's tokens.

    Attributes:
        prompt: Asks for both.
    """

    prompt: Prompt = field(default_factory=SkeletonPrompt)

    name = "skeleton.v1"

    def read(self, text: str) -> Extracted:
        """The SQL behind the skeleton."""
        return extract_after_skeleton(text)


def extract_after_skeleton(text: str) -> Extracted:
    """The last statement of an answer that is no skeleton, that is, without a bare _ where a name or value belongs.

    The parts of the answer are what follows its labels ("SQL:"), then its fenced blocks, then all of it.
    """
    labels = list(_LABEL.finditer(text))
    ends = [*(label.start() for label in labels[1:]), len(text)][: len(labels)]
    parts = [(label[1].lower(), text[label.end() : end]) for label, end in zip(labels, ends, strict=True)]
    labelled = [part for kind, part in reversed(parts) if kind != "skeleton"]
    # below "Skeleton:" the query may stand without a label of its own, on its own line or in its own fence
    below = [line for kind, part in reversed(parts) if kind == "skeleton" for line in part.split("\n")[1:]]
    fenced = list(reversed(_FENCE.findall(text)))
    rest = [piece for part in (*fenced, text) for piece in reversed(part.split(";\n"))]
    # In the order of trust: labelled parts, fences, lines below the skeleton, then anything.
    for part in (*labelled, *fenced, "\n".join(below), text, *rest):
        found = extract_sql(part)
        if found.sql and not _SLOT.search(_QUOTED.sub("''", found.sql)):
            return found
    whole = extract_sql(text)
    return Extracted("", "the model wrote a skeleton and no query") if whole.sql else whole
