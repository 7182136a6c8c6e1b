"""The parts that a pipeline uses where it is given none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..select.base import as_selector
from ..trust.support import WITHOUT_MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import ChatModel

    from ..generate.base import Generator
    from ..linking.base import Linker
    from ..repair.base import Repairer
    from ..select.base import Selector

__all__ = ["default_generators", "default_linker", "default_repairers", "default_selector"]

_TAUGHT_VOTES = 3.0  # of an answer that the team has stored; a generator has one


def default_generators() -> tuple[Generator, ...]:
    """Those that need no model."""
    from ..generate.phrases import PhraseGenerator
    from ..generate.sketch import SketchGenerator

    return (SketchGenerator(), PhraseGenerator())


def default_linker(linker: Linker | None, model: ChatModel | None, budget: int) -> Linker:
    """The given linker or the ranked one, and what a chat model adds to it."""
    if linker is None:
        from ..linking.ranked import RankedLinker

        linker = RankedLinker()
    if model is None:
        return linker
    from ..linking.chat import ChatLinker

    return ChatLinker(model, linker, budget=budget)


def default_selector(
    selector: Selector | None, model: ChatModel | None, writers: Sequence[Generator], *, private: bool
) -> Selector:
    """The given selector or the default for these generators, with a chat model as a judge where there is one."""
    if selector is None:
        from ..select.vote import VoteSelector
        from ..trust.selector import TrustSelector

        # An answer that people have stored for this very question outweighs two models that agree on another.
        vote = VoteSelector({"learned.v1": _TAUGHT_VOTES})
        # Of chat models alone votes count: that one model's answers agree says more than what the trust model has seen
        # of such. Beside our own generators a vote would give a small model as much weight as theirs together.
        selector = vote if WITHOUT_MODEL.isdisjoint(writer.name for writer in writers) else TrustSelector()
    if model is not None:
        from ..select.judge import JudgedSelector

        selector = JudgedSelector(model, selector)
    return as_selector(selector).without_cells() if private else selector


def default_repairers(model: ChatModel | None) -> tuple[Repairer, ...]:
    """The mechanical repairs, and those of a chat model where there is one."""
    from ..repair import mechanical_repairers

    if model is None:
        return mechanical_repairers()
    from ..repair.chat import ChatRepair

    # No ChatRefine: that a model's second try at an empty result is right more often than the first was never measured.
    return (*mechanical_repairers(), ChatRepair(model))
