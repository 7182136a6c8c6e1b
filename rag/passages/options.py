"""Dependencies between the sentences of a passage: which are pinned, and which require others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from ctxprune.context.base import Unit
from ctxprune.errors import UsageError
from ctxprune.utils.validation import check_flag

from .fence import check_fence, enclose, escape_chat_marks, new_fence
from .markdown import heading_level
from .patterns import compile_safely, matches_any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NO_OPTIONS", "PassageOptions", "bind_units"]

# Words that refer back when they start a sentence; the "it" of "it rains" is matched too, which costs a few tokens.
_POINTERS = re.compile(r"\W*(?:he|she|it|they|his|her|hers|its|their|him|them|this|these|those|such|both)\b", re.I)
_POINTING = frozenset({"en"})


@dataclass(frozen=True)
class PassageOptions:
    """Options for every passage of a context. All off by default.

    Attributes:
        markdown: Read the text as Markdown: headings, tables, code blocks, formulas and front matter are one unit each,
            whatever their length; and what is kept of different lines remains on lines of its own. Only a table or a
            code block that a budget does not hold is cut, between its lines: its header or its fences stay, and the
            gap sign stands on a line of its own where lines are missing (`Pruner(on_oversized=...)` refuses that).
        headings: A heading ("# ...", in Markdown also an underlined line) is kept with anything kept under it.
        title: The first line of each passage (the first sentence, if there is only one line) is kept with anything kept
            of the passage.
        pronouns: A sentence that starts with a pronoun ("It was built ...") is kept only with the one before it. For
            English. Off by default because it loses evidence at equal length.
        protect: Regular expressions; units in which one matches are pinned: a budget that does not hold all of them is
            an error. Case matters unless "(?i)" is
            given. Expressions that a text could make very slow are refused: see
            `ctxprune.rag.passages.patterns.compile_safely`.
        fence: Put each rendered passage between two lines that name a fence, so that no passage can pretend to end
            and to be followed by something else. True takes 16 random digits, made with these options: make new ones
            for each prompt, and tell the model which fence holds (`options.fence`). Or 8 to 64 letters, digits and "-"
            of your own, which must not occur in a text. The lines count as tokens of the output.
        escape_marks: Replace marks of chat templates ("<|im_start|>", "[INST]") and invisible characters by visible
            escapes: see `escape_chat_marks`. Spans are those of the source, which still contains them.

    Raises:
        UsageError: An argument is of the wrong kind, or a pattern is not allowed.
    """

    markdown: bool = False
    headings: bool = False
    title: bool = False
    pronouns: bool = False
    protect: Sequence[str] = ()
    fence: bool | str = False
    escape_marks: bool = False

    def __post_init__(self) -> None:
        check_flag("markdown", self.markdown)
        check_flag("headings", self.headings)
        check_flag("title", self.title)
        check_flag("pronouns", self.pronouns)
        check_flag("escape_marks", self.escape_marks)
        if isinstance(self.protect, str) or not isinstance(self.protect, Sequence):
            raise UsageError(f"protect is a {type(self.protect).__name__}", hint="give a tuple of regular expressions")
        object.__setattr__(self, "protect", tuple(self.protect))
        for source in self.protect:
            compile_safely(source)
        if self.fence is not False:
            fence = new_fence() if self.fence is True else check_fence(self.fence, "fence")
            object.__setattr__(self, "fence", fence)

    def finish(self, text: str) -> str:
        """Escape marks in a rendered passage and fence it, as far as these options ask for it."""
        # Escaped first: the fence is added around it and must not be escaped itself.
        text = escape_chat_marks(text) if self.escape_marks else text
        return enclose(text, self.fence) if isinstance(self.fence, str) else text


NO_OPTIONS = PassageOptions()


def bind_units(
    text: str, spans: Sequence[tuple[int, int]], options: PassageOptions, *, language: str, levels: Mapping[int, int]
) -> tuple[Unit, ...]:
    """Make a unit for each of `spans`, with its parent and requirements.

    Args:
        text: The source text.
        spans: Characters [start, end) of each unit, in order.
        options: Which dependencies to add.
        language: ISO 639 code of the text.
        levels: Level of each heading by its start; headings of the form "# ..." need no entry.

    Raises:
        UsageError: Pronouns are asked for in another language than English.
    """
    units = [Unit(text[start:end], span=(start, end)) for start, end in spans]
    if options.headings:
        units = _bind_to_headings(units, levels)
    if options.title:
        units = [replace(u, parent=0) if i and u.parent is None else u for i, u in enumerate(units)]
    if options.pronouns:
        if language.lower()[:2] not in _POINTING:
            raise UsageError(f"no pronouns are known for the language {language!r}", hint="leave pronouns off")
        bound = (_bind_to_previous(before, unit, i) for i, (before, unit) in enumerate(pairwise(units)))
        units = [*units[:1], *bound]
    if options.protect:
        patterns = [compile_safely(source) for source in options.protect]
        units = [replace(unit, pinned=True) if matches_any(patterns, unit.text) else unit for unit in units]
    return tuple(units)


def _bind_to_previous(before: Unit, unit: Unit, index: int) -> Unit:
    """The unit, requiring unit `index` before it if it starts with a pronoun and that one is no heading."""
    refers_back = _POINTERS.match(unit.text) is not None and not heading_level(before.text)
    return replace(unit, requires=(index,)) if refers_back else unit


def _bind_to_headings(units: list[Unit], levels: Mapping[int, int]) -> list[Unit]:
    bound: list[Unit] = []
    above: list[tuple[int, int]] = []  # (level, index) of the headings in whose section the unit is
    for index, unit in enumerate(units):
        level = levels.get(unit.span[0] if unit.span else -1, 0) or heading_level(unit.text)
        while level and above and above[-1][0] >= level:
            above.pop()
        parent = above[-1][1] if above else unit.parent
        # The constructor takes a third of the time of `replace`, and this runs for every unit of a text.
        bound.append(Unit(unit.text, parent, unit.requires, unit.pinned, unit.span))
        if level:
            above.append((level, index))
    return bound
