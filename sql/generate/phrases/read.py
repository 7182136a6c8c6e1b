"""Reads a question phrase by phrase: what is shown, counted, grouped, sorted and kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlglot import exp

from .draft import Draft
from .groups import GroupReader
from .openers import blank, sentences_of
from .orders import OrderReader
from .ranks import RankReader
from .ratio import read_ratio
from .scan import Mask
from .targets import TargetReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .draft import Slot
    from .term import Topic
    from .terms import Terms

__all__ = ["QuestionReader"]

_DISTINCT = re.compile(r"\bunique list\b|\bno duplicates\b|\bdifferent\b|\bdistinct\b")
_JOINT = re.compile(r"\b(?:along with|as well as|together with|followed by|and also)\b(?! (?:who|which|that)\b)")
_RESPECTIVE = re.compile(
    r"(?:,\s*|\band\s+|\bwith\s+)?(?:\b(?:the|their)\s+)?\b(?:respective|corresponding)\s+(?:counts?|numbers?)\b"
    r"|\band (?:their|the) counts?\b(?! of)"
)
_WHO = re.compile(r"\W*who\b")
_FIRST = re.compile(r"[,;]?\s*\b(?:the\s+)?(most|least)\s+(?:common|frequent|popular|often)\w*\s+(?:ones?\s+)?first\b")
_NUMBER_OF = re.compile(r"\bno\. of\b")
_SPLIT = re.compile(
    r",?\s*\band how many (?:\w+ )?(?:do|did|are|is|have|has|were|was|does|had)(?:\s+not|n['’]t)\b[^.?!]*"
)


@dataclass(frozen=True)
class QuestionReader:
    """Reads questions about one schema."""

    terms: Terms

    def read(self, masked: str, topic: Topic, clauses: Sequence[tuple[int, int]] = ()) -> Draft:
        """The parts of a question.

        Args:
            masked: The question in lower case, with its conditions blanked out.
            topic: What it is about.
            clauses: Characters [start, end) of its conditions.
        """
        masked = self._without_per(_NUMBER_OF.sub("num of", masked))
        draft = Draft(distinct=bool(_DISTINCT.search(masked)))
        if topic.owner is not None:
            draft.subject = self.terms.lexicon.view.table_name(topic.owner)
        elif _WHO.match(masked):
            draft.subject = topic.condition_table
        # A comma stands for "along with", so that lists have one form; places stay the same.
        mask = Mask(_JOINT.sub(lambda match: ",".ljust(len(match[0])), masked))
        # Later parts are read from what earlier ones leave over, and the targets from what is left in the end.
        returned = self._targets.cut_list(mask, sentences_of(masked))
        draft.counts = blank(mask, _RESPECTIVE)
        orders = self._orders.cut(mask)
        first = _FIRST.search(mask.text)
        if first is not None:
            mask.blank(first.start(), first.end())
        draft.split = blank(mask, _SPLIT)
        draft.ratio = read_ratio(mask, clauses, (self.terms, self._groups.tests), topic)
        draft.having = self._groups.tests(mask, topic)
        self._ranks.top(mask, draft, topic)
        draft.groups = self._groups.read(mask, topic, ratio=draft.ratio is not None)
        also = self._targets.also(mask, topic)
        self._ranks.most(mask, draft, topic)
        self._ranks.several(masked, draft)
        if not draft.subject and draft.order and _WHO.match(masked):
            draft.subject = draft.order[0][0][0].table  # "who was hired last"
        if draft.ratio is None:
            own = [term for term in draft.order[0][0] if term.kind == "column"] if draft.order else []
            draft.targets = [own] if draft.itself and own else self._targets.read(mask, draft, topic)
        draft.targets += [slot for slot in also if _first(slot) not in [_first(one) for one in draft.targets]]
        if slots := self._targets.list_of(returned, topic, draft):
            draft.targets, draft.returned = slots, True
        self._orders.apply(orders, draft, topic)
        counted = next((slot for slot in draft.targets if slot[0].kind == "measure"), None)
        if first is not None and counted is not None and not draft.order:
            draft.order = [(counted, first[1] == "most")]
        draft.groups = [slot for slot in draft.groups if not self._is_own(slot, draft.targets)]
        return draft

    def _is_own(self, slot: Slot, targets: Sequence[Slot]) -> bool:
        """Is an average asked for of each row itself: "average tons per harvest", where a harvest has its tons?"""
        thing = slot[0]
        if thing.kind != "thing" or len(targets) != 1:
            return False
        first = targets[0][0]
        averaged = len(first.expressions) == 1 and isinstance(first.expressions[0], exp.Avg)
        plain = averaged and isinstance(first.expressions[0].this, exp.Column)
        return first.kind == "measure" and plain and first.table == thing.table

    def _without_per(self, text: str) -> str:
        """The text with "per" blanked where it is part of a name: "price per ton" is a column."""
        for words in self._named_per:
            text = re.sub(
                rf"\b{words[0]}\w*\s+per\s+{words[1]}", lambda match: match[0].replace(" per ", " " * 5), text
            )
        return text

    @cached_property
    def _named_per(self) -> tuple[tuple[str, str], ...]:
        """The stems before and after "per" in names of columns."""
        names = [facts.name.stems for facts in self.terms.lexicon.view.columns]
        return tuple(
            {
                (re.escape(name[at - 1]), re.escape(name[at + 1])): None
                for name in names
                for at in range(1, len(name) - 1)
                if name[at] == "per"
            }
        )

    @cached_property
    def _targets(self) -> TargetReader:
        return TargetReader(self.terms)

    @cached_property
    def _orders(self) -> OrderReader:
        return OrderReader(self.terms)

    @cached_property
    def _ranks(self) -> RankReader:
        return RankReader(self.terms)

    @cached_property
    def _groups(self) -> GroupReader:
        return GroupReader(self.terms)


def _first(slot: Slot) -> tuple[str, ...]:
    return slot[0].key
