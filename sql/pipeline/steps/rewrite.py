"""Steps of a follow-up question: completing it, and linking it with the columns of the question before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...guard.intent import write_request
from ...linking.carried import CarriedLinker
from ...rewrite.base import COMPLETE, UNRESOLVED, Rewritten, as_rewriter
from ...rewrite.courtesies import strip_courtesies
from .base import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...rewrite.base import Rewriter, Turn, Vocabulary
    from ...schema.schema import ColumnRef
    from .base import State
    from .context import LinkSchema

__all__ = ["LinkFollowUp", "RewriteQuestion"]


@dataclass(frozen=True)
class RewriteQuestion(Step):
    """Completes a follow-up question. One that asks for a change is left as it is, so that it is refused.

    Attributes:
        rewriter: Completes the question.
        history: Earlier turns, the latest last.
        vocabulary: Of the database.
        most: Maximum number of characters of the complete question.
    """

    rewriter: Rewriter
    history: Sequence[Turn]
    vocabulary: Vocabulary
    most: int
    name: str = "rewrite"

    def __post_init__(self) -> None:
        object.__setattr__(self, "rewriter", as_rewriter(self.rewriter))

    def run(self, state: State) -> State:
        """The state with the complete question, and `rewritten`."""
        asked = state.question
        text = strip_courtesies(asked)
        # Before rewriting, which would drop the words that make it a request for a change.
        if write_request(text):
            return replace(state, rewritten=Rewritten(asked, asked, reason="it asks for a change"))
        rewritten = replace(self.rewriter.rewrite(text, self.history, self.vocabulary), asked=asked)
        # Each follow-up may make the question longer, without an end.
        if len(rewritten.question) > self.most:
            reason = f"in full it would have {len(rewritten.question)} characters, and {self.most} are taken"
            rewritten = Rewritten(asked, asked, kind=UNRESOLVED, reason=reason)
        return replace(state, question=rewritten.question, rewritten=rewritten)


@dataclass(frozen=True)
class LinkFollowUp(Step):
    """Links a follow-up with the columns of the question before it; any other as `link` does.

    Attributes:
        link: The step of a question by itself.
        earlier: The columns of the question before, those first that matter most.
        budget: Tokens that the linked schema may take with them.
    """

    link: LinkSchema
    earlier: tuple[ColumnRef, ...]
    budget: int

    @property
    def name(self) -> str:
        """That of `link`."""
        return self.link.name

    def run(self, state: State) -> State:
        """Adds `linked`."""
        rewritten = state.rewritten
        # A complete question whose courtesies were left out is changed, and follows nothing.
        if rewritten is None or not rewritten.changed or rewritten.kind in {COMPLETE, UNRESOLVED}:
            return self.link.run(state)
        return replace(self.link, linker=CarriedLinker(self.link.linker, self.earlier, self.budget)).run(state)
