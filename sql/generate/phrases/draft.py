"""What was read from a question, before the readings are chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .ratio import Ratio
    from .term import Term
    from .windows import Trend

__all__ = ["Draft", "Having", "Slot"]

Slot = list["Term"]
"""The readings of one phrase, best first; never empty."""


@dataclass(frozen=True, slots=True)
class Having:
    """A test on the number of things of each group: `count(thing) op number`."""

    op: str
    number: int
    slot: tuple[Term, ...]


@dataclass
class Draft:
    """The parts of one question.

    Attributes:
        subject: Table whose rows are asked for; "" where not known.
        targets: What is to be shown, in order.
        groups: What the rows are grouped by.
        order: Sort keys, with True for descending.
        limit: Rows kept, None for all.
        offset: Rows left out before them: 1 for "the second highest".
        having: Tests on groups.
        itself: What ranks the rows is what is asked for: "the second highest price".
        ranked: The order picks rows ("the most"); otherwise it only sorts them.
        returned: The question lists exactly what to return.
        counts: The counts by which the rows are ranked are to be shown.
        distinct: Duplicates are to be left out.
        measured: For the numbers of conditions that are on an aggregate of a column, its function ("avg").
        ratio: A quotient that is asked for beside the targets; None for none.
        averaged: The counts of the groups are to be averaged: "average number of orders per customer".
        trend: Each period is compared with the one before, or added to all before; None for neither.
        split: A condition is asked for both ways: "how many have one and how many do not".
    """

    subject: str = ""
    targets: list[Slot] = field(default_factory=list)
    groups: list[Slot] = field(default_factory=list)
    order: list[tuple[Slot, bool]] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0
    having: list[Having] = field(default_factory=list)
    itself: bool = False
    ranked: bool = False
    returned: bool = False
    counts: bool = False
    distinct: bool = False
    measured: dict[int, str] = field(default_factory=dict)
    ratio: Ratio | None = None
    split: bool = False
    averaged: bool = False
    trend: Trend | None = None

    @property
    def empty(self) -> bool:
        """Nothing of the question matched the schema."""
        return not (self.targets or self.groups or self.order or self.ratio)
