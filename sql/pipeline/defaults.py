"""The parts that a pipeline uses where it is given none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..select.base import as_selector
from ..trust.support import OWN_GENERATORS, WITHOUT_MODEL

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
    """The given selector or the default for these generators, with a chat model as a judge unless it is small."""
    if selector is None:
        from ..select.vote import VoteSelector
        from ..trust.selector import TrustSelector

        # An answer that people have stored for this very question outweighs two models that agree on another.
        vote = VoteSelector({"learned.v1": _TAUGHT_VOTES})
        selector = TrustSelector() if _are_outweighed(writers) else vote
    # A small model agrees with what it is shown: asked about close choices, one of 0.5B parameters changed none.
    if model is not None and not model.is_small:
        from ..select.judge import JudgedSelector

        selector = JudgedSelector(model, selector)
    return as_selector(selector).without_cells() if private else selector


def _are_outweighed(writers: Sequence[Generator]) -> bool:
    """Whether the generators that need no model are there, and all others are of small models.

    The trust model learned to choose among candidates of ours, and how much one of a small model adds. A strong one is
    right more often than it would believe, and the vote takes more of its answers.
    """
    others = [writer for writer in writers if writer.name not in OWN_GENERATORS]
    ours = any(writer.name in WITHOUT_MODEL for writer in writers)
    return not others or (ours and all(writer.is_small for writer in others))


def default_repairers(model: ChatModel | None) -> tuple[Repairer, ...]:
    """The mechanical repairs, and those of a chat model where there is one."""
    from ..repair import mechanical_repairers

    if model is None:
        return mechanical_repairers()
    from ..repair.chat import ChatRepair

    # No ChatRefine: few answers of a small model give nothing where rows are expected, and its second tries no rows.
    return (*mechanical_repairers(), ChatRepair(model))
