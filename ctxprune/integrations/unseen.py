"""Scores by which what a model has seen already comes last."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ctxprune.context.grid import column_units
from ctxprune.errors import CtxpruneError
from ctxprune.rag.kinds import read_context
from ctxprune.rag.sniff import sniff_kind
from ctxprune.scorers.base import Scorer, as_scorer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["UnseenFirst"]

_STEP = 1e-3
_RARE, _LONG = 12, 40  # characters that are hardly a part of something else, and that hardly recur


class UnseenFirst(Scorer):
    """The scores of another scorer; units whose text was shown come behind all others.

    Columns of tables keep theirs: rows that were not shown need them. Other white space and other tags do not hide that
    a text was shown.

    Args:
        scorer: Gives the scores; it chooses by the form of a context, where that is wanted.
        shown: Texts that the model has seen.
    """

    dispatches: ClassVar[bool] = True

    def __init__(self, scorer: Any, shown: Sequence[str]) -> None:
        self._scorer = as_scorer(scorer)
        self._shown = [form for text in shown for form in _forms(text)]

    def for_context(self, context: Context[Any]) -> Scorer:
        """Itself, whatever the context."""
        del context
        return self

    def score(self, query: str, context: Context[Any]) -> Scores:
        """float32 (n_units,), the other scorer's; a little below the lowest of them for what was shown."""
        scores = np.array(self._scorer.score(query, context), dtype=np.float32)
        if not scores.size:
            return scores
        columns = set(column_units(context.grids))
        last = scores.min() - _STEP
        for index, shown in enumerate(self._find_shown([_squeeze(unit.text) for unit in context.units])):
            if shown and index not in columns:
                scores[index] = last
        return scores

    def _find_shown(self, texts: Sequence[str]) -> list[bool]:
        """For each text, in the order of the context, whether it was shown."""
        found, times = [], Counter(texts)
        for before, text, after in zip(["", *texts], texts, [*texts[1:], ""], strict=False):
            # A number or a name recurs: it was shown where one of its neighbours stands beside it.
            telling = len(text) >= (_RARE if times[text] == 1 else _LONG)
            wanted = [text] if telling else [before + text] * bool(before) + [text + after] * bool(after)
            found.append(bool(text) and any(one in form for form in self._shown for one in wanted or [text]))
        return found


def _forms(text: str) -> list[str]:
    """The text without white space, and of a page what its units say."""
    forms = [_squeeze(text)]
    if sniff_kind(text) == "html":
        # What cannot be read as a page here is not asked for by the units of a page either.
        with suppress(CtxpruneError):
            forms.append(_squeeze("".join(unit.text for unit in read_context(text, "html").units)))
    return forms


def _squeeze(text: str) -> str:
    # Bars stand between the cells of a row in what a page's unit says, and nowhere in what is shown of it.
    return "".join(text.split()).replace("|", "")
