"""A conversation with a database: follow-up questions are completed, answered, and remembered."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError, UsageError
from ctxprune.utils.cancellation import Stop, cancellation, check_cancelled

from ..linking.usage import query_usage
from ..rewrite.base import COMPLETE, UNRESOLVED, Turn, Vocabulary, as_rewriter
from ..rewrite.rule import RuleRewriter
from ..schema.schema import ColumnRef
from .pipeline import Pipeline
from .steps import LinkSchema, RetrieveValues, State
from .steps.rewrite import LinkFollowUp, RewriteQuestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rewrite.base import Rewriter
    from ..schema.hits import ValueHit
    from .answer import Answer

__all__ = ["Conversation"]

_FORMAT, _VERSION = "ctxprune-conversation", 1
# Kinds of refusal after which a follow-up question may have nothing to refer to.
_WRITE, _UNANSWERABLE = "write_request", "unanswerable"


class Conversation:
    """One person's questions to one database, in order.

        talk = Conversation(pipeline)
        talk.ask("How many customers are in Paris?")
        answer = talk.ask("and in London?")
        answer.question                    # "How many customers are in London?"
        answer.trace.rewritten             # what was asked, which rewriter completed it, and why

    A question that is complete begins a new topic: what was asked before is forgotten. A follow-up keeps, beside what
    its own linking keeps, the columns of the question before it. What was no question to the database (a request for a
    change, "Thanks!"), and follow-ups that could not be resolved, are not remembered.

    The pipeline may be shared by many conversations and threads. One conversation may be used from several threads,
    too: its questions take turns, in the order in which they get the lock. A question that raises, or that is
    cancelled before its answer is there, leaves no trace in it.

    Args:
        pipeline: What answers.
        rewriter: Completes follow-up questions: by default `RuleRewriter()`, which needs no model;
            `ChatRewriter(model)` where there is one.
        keep: Turns that are remembered at most, 1 or more.
        budget: Tokens that the linked schema of a follow-up may take with the columns of the question before it.

    Raises:
        UsageError: A number is out of its range.

    Examples:
        ```python
        from ctxprune.sql import REWRITERS, Conversation, Database, Pipeline

        with Database("shop.sqlite") as database:
            talk = Conversation(Pipeline(database), rewriter=REWRITERS.get("rule")())
            talk.ask("How many cities are in Poland?")
            print(talk.ask("And in Brazil?").question)  # How many cities are in Brazil?
        ```
    """

    def __init__(
        self, pipeline: Pipeline, *, rewriter: Rewriter | None = None, keep: int = 8, budget: int = 1_000
    ) -> None:
        if keep < 1 or budget < 0:
            raise UsageError("keep must be at least 1 and budget at least 0", where="keep, budget")
        self.pipeline = pipeline
        self.rewriter = RuleRewriter() if rewriter is None else as_rewriter(rewriter)
        self.keep, self.budget = keep, budget
        self._turns: tuple[Turn, ...] = ()
        self._lock = threading.Lock()
        self._vocabulary = Vocabulary(pipeline.schema, self._find)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """What is remembered of the current topic, the latest last."""
        return self._turns

    def ask(self, question: str, evidence: str = "") -> Answer:
        """Answer one question; `Answer.question` is the complete one, `Answer.trace.rewritten` says how it was formed.

        Raises:
            UsageError, DatabaseError, InputError, FormatError: As `Pipeline.ask`.
        """
        with self._lock:
            answer = self._pipeline_with_history().ask(question, evidence)
            # A question that was cancelled while it was answered must not be remembered.
            check_cancelled()
            self._turns = self._turns_after(answer)
            return answer

    async def aask(self, question: str, evidence: str = "") -> Answer:
        """`ask` for asyncio: it runs in a thread, and is cancelled as `Pipeline.aask` is."""
        cancelled = Stop()
        try:
            with cancellation(cancelled):
                return await asyncio.to_thread(self.ask, question, evidence)
        finally:
            cancelled.set()

    def reset(self) -> None:
        """Forget what was asked."""
        with self._lock:
            self._turns = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, texts and numbers, ready for JSON: what another process needs to continue.

        It holds questions, queries and names of columns, but no rows.
        """
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "keep": self.keep,
            "budget": self.budget,
            "turns": [
                {**asdict(turn), "linked": [[ref.table, ref.column] for ref in turn.linked]} for turn in self.turns
            ],
        }

    @classmethod
    def from_dict(
        cls, pipeline: Pipeline, document: Mapping[str, Any], *, rewriter: Rewriter | None = None
    ) -> Conversation:
        """Continue a conversation; columns that the pipeline's schema lacks by now are forgotten.

        Raises:
            FormatError: The document is no conversation, or one of another version.
        """
        if not isinstance(document, Mapping):
            raise FormatError(
                f"{type(document).__name__} is not a conversation", hint="give from_dict(pipeline, document)"
            )
        if document.get("format") != _FORMAT or document.get("version") != _VERSION:
            found = f"{document.get('format')!r}, version {document.get('version')!r}"
            raise FormatError(
                f"not a conversation of a known format: {found}", hint=f"known: {_FORMAT}, version {_VERSION}"
            )
        try:
            made = cls(pipeline, rewriter=rewriter, keep=document["keep"], budget=document["budget"])
            turns = [_turn(entry, pipeline) for entry in document["turns"]]
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"the conversation is damaged: {error!r}", hint="start a new one") from error
        made._turns = tuple(turns[-made.keep :])
        return made

    def _pipeline_with_history(self) -> Pipeline:
        """The pipeline with the steps of a follow-up question."""
        earlier = self._turns[-1].linked if self._turns else ()
        steps = [
            LinkFollowUp(step, earlier, self.budget) if isinstance(step, LinkSchema) else step
            for step in self.pipeline.steps
        ]
        rewrite = RewriteQuestion(self.rewriter, self._turns, self._vocabulary, self.pipeline.config.max_question)
        return Pipeline.of_steps(self.pipeline.schema, (rewrite, *steps), config=self.pipeline.config)

    def _turns_after(self, answer: Answer) -> tuple[Turn, ...]:
        rewritten = answer.trace.rewritten
        if rewritten is None or rewritten.kind == UNRESOLVED:
            return self._turns
        if answer.refusal is not None and not self._may_be_asked_about(rewritten.asked, answer.refusal.kind):
            return self._turns
        # A complete question begins a new topic.
        earlier = () if rewritten.kind == COMPLETE else self._turns
        turn = Turn(rewritten.asked, rewritten.question, answer.sql, _linked(answer, self.pipeline))
        return (*earlier, turn)[-self.keep :]

    def _may_be_asked_about(self, asked: str, kind: str) -> bool:
        """Whether a refused question is one to the database: "Thanks!" names nothing that it has."""
        if kind == _WRITE:
            return False
        return kind != _UNANSWERABLE or bool(self._vocabulary.names(re.findall(r"\w+", asked)))

    def _find(self, text: str) -> Sequence[ValueHit]:
        """Stored values in any text, none of a private column; none where the pipeline looks for none."""
        retrieve = next((step for step in self.pipeline.steps if isinstance(step, RetrieveValues)), None)
        return () if retrieve is None else retrieve.find(text, State(text, self.pipeline.schema))


def _linked(answer: Answer, pipeline: Pipeline) -> tuple[ColumnRef, ...]:
    """The columns of an answer's linked schema, those that its query uses first."""
    linked = answer.trace.linked
    if linked is None:
        return ()
    # Used columns first: the budget of the next question cuts the list from its end.
    kept = [ColumnRef(table, column) for table, columns in linked.kept.items() for column in columns]
    used = (
        query_usage(answer.sql, pipeline.schema, dialect=pipeline.schema.dialect).columns if answer.sql else frozenset()
    )
    return tuple(sorted(kept, key=lambda ref: ref not in used))


def _turn(entry: Mapping[str, Any], pipeline: Pipeline) -> Turn:
    """One turn of a document.

    Raises:
        KeyError, TypeError, ValueError: It is damaged.
    """
    asked, question, sql = (entry[name] for name in ("asked", "question", "sql"))
    if not all(isinstance(text, str) for text in (asked, question, sql)):
        raise ValueError("a question or query is not a text")
    # The schema may have changed since the conversation was saved, and the caller's rights, too.
    known = frozenset(pipeline.schema.refs())
    linked = (ColumnRef(table, column) for table, column in entry["linked"])
    return Turn(asked, question, sql, tuple(ref for ref in linked if ref in known))
