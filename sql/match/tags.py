"""Tags for columns, written by a chat model: words for what a column holds, which names in code do not say."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ctxprune.errors import ModelError
from ctxprune.llm.base import Message, Sampling
from ctxprune.llm.calls import ask_model
from ctxprune.llm.deadline import Deadline
from ctxprune.utils.validation import Checked, check_number, check_whole, checked_field

from ..generate.prompts.base import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import ChatModel

    from .profile import ColumnProfile

__all__ = ["ChatTagger", "ColumnTagger"]

_LINE = re.compile(r"^\W*(\d+)\s*[).:=-]+\s*(.+)$")
_TAG = re.compile(r"[#+]?\s*([^\W\d_][\w ]{1,30})")
_COLUMNS = 20  # of a table, in one question
_TAGS = 5


class ColumnTagger(Protocol):
    """Adds words to the descriptions of columns."""

    def tag(self, profiles: Sequence[ColumnProfile]) -> tuple[tuple[ColumnProfile, ...], tuple[str, ...]]:
        """The profiles in their order with longer descriptions, and notes about failures; never raises for a model."""
        ...


@dataclass(frozen=True)
class ChatTagger(Checked):
    """A chat model writes a main tag and attributes for each column ("person; name, first"), a table at a time.

    They are put behind the column's description, which the scorer of descriptions compares by meaning: columns with
    unlike names meet where they get like tags. The model sees names, types and descriptions, no values. Columns whose
    line is missing, and all of a table where the model fails, keep their description.

    Method after "SMUTF: Schema Matching Using Generative Tags and Hybrid Features", whose tags follow the Humanitarian
    Exchange Language.

    Attributes:
        model: The chat model, or what `as_chat_model` accepts.
        most: Questions at most; columns beyond keep their description.
        seconds: For all of them together.

    Raises:
        UsageError: A number is out of range.
    """

    model: ChatModel
    most: int = checked_field(50, check_whole)
    seconds: float = checked_field(300.0, check_number, over=0)

    def tag(self, profiles: Sequence[ColumnProfile]) -> tuple[tuple[ColumnProfile, ...], tuple[str, ...]]:
        """The profiles in their order, and a note where the model failed."""
        found: dict[int, str] = {}
        failures: list[str] = []
        deadline = Deadline(self.seconds)
        groups = _groups(profiles)
        for places in groups[: self.most]:
            try:
                text = self._ask([profiles[at] for at in places], deadline)
            except ModelError as error:
                failures.append(error.what)
                continue
            found |= {places[number]: tags for number, tags in _read_tags(text, len(places)).items()}
        notes = (f"{len(failures)} of {len(groups)} questions for tags failed: {failures[0]}",) if failures else ()
        tagged = tuple(
            replace(profile, text=f"{profile.text} {found[at]}".strip()) if at in found else profile
            for at, profile in enumerate(profiles)
        )
        return tagged, notes

    def _ask(self, columns: Sequence[ColumnProfile], deadline: Deadline) -> str:
        lines = [f"Table {one_line(columns[0].ref.table, 80)} has these columns:"]
        for number, column in enumerate(columns, 1):
            about = "; ".join(filter(None, (column.ref.column, column.family, column.text[:100])))
            lines.append(f"{number}) {one_line(about, 200)}")
        lines += [
            "For each column write one line: its number, what kind of thing it is about, and one to three attributes.",
            "Example: 1) person: name, first",
        ]
        sampling = Sampling(max_tokens=24 * len(columns), seconds=self.seconds)
        return ask_model(self.model, [Message("user", "\n".join(lines))], sampling, deadline=deadline)[0].text


def _groups(profiles: Sequence[ColumnProfile]) -> list[list[int]]:
    """Places of the columns of one table, at most 20 together."""
    tables: dict[str, list[int]] = {}
    for at, profile in enumerate(profiles):
        tables.setdefault(profile.ref.table, []).append(at)
    return [places[start : start + _COLUMNS] for places in tables.values() for start in range(0, len(places), _COLUMNS)]


def _read_tags(text: str, n: int) -> dict[int, str]:
    """Tags by place, from the lines that have a number of 1 to n."""
    found: dict[int, str] = {}
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match and 1 <= int(match[1][:6]) <= n:
            tags = [tag.strip() for tag in _TAG.findall(match[2])][:_TAGS]
            if tags:
                found.setdefault(int(match[1]) - 1, " ".join(tags))
    return found
