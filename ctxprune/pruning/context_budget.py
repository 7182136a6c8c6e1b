"""One token budget for several contexts at once: a schema, passages, a table, tools.

shared = ContextBudget(2000).prune(question, {
    "schema": BudgetPart(schema, minimum=0.3),
    "passages": BudgetPart(Passages(texts), weight=2.0),
})
shared.outputs["schema"], shared.tokens_after
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.calibration.scales import IdentityScale, RankScale, Scale
from ctxprune.context.base import as_context
from ctxprune.errors import UsageError
from ctxprune.policies.base import POLICIES, Policy, Request, as_policy, as_selection
from ctxprune.pruning.budget_search import Attempt, SharedBudgetSearch
from ctxprune.pruning.counting import count_rendered, count_units, omission_note
from ctxprune.pruning.result import Pruned
from ctxprune.pruning.shared_budget import Entry, Joint
from ctxprune.pruning.spans import Clock, describe_total, start_prune
from ctxprune.pruning.verdicts import Verdicts
from ctxprune.scorers import DEFAULT_SCORER, SCORERS
from ctxprune.scorers.base import Scorer, as_scorer, score_batch
from ctxprune.tokens import TokenCounter, as_counter
from ctxprune.utils.validation import check_number, check_range, check_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxprune.context.base import Context
    from ctxprune.policies.selection import Selection

__all__ = ["BudgetPart", "ContextBudget", "SharedBudget"]


@dataclass(frozen=True)
class BudgetPart:
    """One context of several, and what it may claim.

    Attributes:
        context: What is pruned.
        scorer: A scorer, or the registered name of one.
        weight: What a unit of this context counts, relative to others; over 0.
        minimum: Share of the budget, 0 to 1, that this context gets before the others compete, if it has use for it.
        scale: Makes the scores comparable with those of the other contexts; None takes probabilities as they are
            where all scorers of the call give them (`gives_probabilities`), and places (`RankScale`) otherwise.
        policy: Chooses the units that are worth their tokens at all; None for all of them.
        as_text: Writes the pruned context as it enters the prompt, so that this text is counted; None where it renders
            as text, or where the tokens of its units are near enough.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
        UnknownNameError: No scorer or policy has that name.
    """

    context: Context[Any]
    scorer: Scorer | str = DEFAULT_SCORER
    weight: float = 1.0
    minimum: float = 0.0
    scale: Scale | None = None
    policy: Policy | str | None = None
    as_text: Callable[[Any], str] | None = None
    _scorer: Scorer = field(init=False, repr=False, compare=False)
    _policy: Policy | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        scorer = SCORERS.get(self.scorer)() if isinstance(self.scorer, str) else self.scorer
        policy = POLICIES.get(self.policy)() if isinstance(self.policy, str) else self.policy
        as_context(self.context, hint="give a context, such as Passages")
        resolved = as_scorer(scorer, hint="give a scorer, or the name of one")
        adapted = None if policy is None else as_policy(policy)
        check_number("weight", self.weight, over=0)
        check_range("minimum", self.minimum)
        if adapted is not None:
            adapted.check_scorer(scorer)
        for name, value in (("scorer", scorer), ("policy", policy), ("_scorer", resolved), ("_policy", adapted)):
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class SharedBudget:
    """Several pruned contexts, and the account over all of them.

    Attributes:
        query: The question.
        budget: Tokens that were allowed.
        parts: One result a context, by its name; names sorted.
        counter: Name of the token counter.
        seconds: Wall time of count, score, select and render. Not part of equality.

    Examples:
        ```python
        from ctxprune import BudgetPart, ContextBudget, Passages, SharedBudget


        def shares(result: SharedBudget) -> dict[str, int]:
            return {name: part.tokens_after for name, part in result.parts.items()}


        texts = {"notes": ["Ask the mayor."], "texts": ["It opened in 1933."]}
        parts = {name: BudgetPart(Passages(given)) for name, given in texts.items()}
        print(shares(ContextBudget(8).prune("When did it open?", parts)))
        # {'notes': 0, 'texts': 7}
        ```
    """

    query: str
    budget: int
    parts: Mapping[str, Pruned[Any]]
    counter: str
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def outputs(self) -> dict[str, Any]:
        """The pruned contexts by name, each of the type that came in."""
        return {name: part.output for name, part in self.parts.items()}

    @property
    def tokens_before(self) -> int:
        """Tokens of all contexts, whole."""
        return sum(part.tokens_before for part in self.parts.values())

    @property
    def tokens_after(self) -> int:
        """Tokens of all that was kept; never over the budget."""
        return sum(part.tokens_after for part in self.parts.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, texts and numbers."""
        return {
            "format": "ctxprune.shared_budget",
            "version": 1,
            "query": self.query,
            "budget": self.budget,
            "counter": self.counter,
            "tokens_before": self.tokens_before,
            "tokens_after": self.tokens_after,
            "seconds": dict(self.seconds),
            "parts": {name: part.to_dict() for name, part in self.parts.items()},
        }

    def to_html(self) -> str:
        """The parts as HTML fragments under their names; see `Pruned.to_html`."""
        from ctxprune.utils.markup import escape

        return "".join(f"<h2>{escape(name)}</h2>{part.to_html()}" for name, part in self.parts.items())

    def _repr_html_(self) -> str:
        return self.to_html()


@dataclass(frozen=True)
class ContextBudget:
    """Prunes several contexts to one number of tokens, never more.

    First what is pinned, with all it needs. Then each context gets the best of its units up to its minimum share; where
    the pinned units leave no room for all shares, these shrink alike. Then all units compete, best first by scaled
    score times weight, ties by name of the context and source order; one that does not fit is passed over. So no unit
    that fits into its context's minimum share is dropped for another context's sake. The result does not depend on the
    order of the contexts. What separates kept units is counted too.

    Attributes:
        budget: Tokens for all contexts together, from 0 up.
        counter: What counts tokens; see `as_counter`.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
    """

    budget: int
    counter: Any = None

    def __post_init__(self) -> None:
        check_whole("budget", self.budget, minimum=0)
        object.__setattr__(self, "counter", as_counter(self.counter))

    def prune(self, query: str, parts: Mapping[str, BudgetPart | Context[Any]]) -> SharedBudget:
        """What each context keeps for `query`.

        Args:
            query: The question.
            parts: Contexts by name; one given bare stands for `BudgetPart(context)`.

        Raises:
            UsageError: An empty query, minimum shares of more than 1 together, or an argument of the wrong kind.
            BudgetError: What is pinned, with all it needs, does not fit.
        """
        if not isinstance(query, str) or not query.strip():
            raise UsageError(f"the query is {query!r}", hint="give a text that asks something")
        with start_prune([query]) as span:
            clock = Clock()
            shared = self._prune(query, _name_parts(parts), clock)
            describe_total(span, list(shared.parts.values()))
            clock.record_spans()
            return shared

    def _prune(self, query: str, named: dict[str, BudgetPart], clock: Clock) -> SharedBudget:
        contexts = {name: as_context(part.context) for name, part in named.items()}
        scores = {name: score_batch(part._scorer, [query], [contexts[name]])[0] for name, part in named.items()}
        clock.lap("score")
        # Ranks lose how sure a scorer is, but probabilities and BM25 scores cannot be compared with each other.
        comparable = all(part._scorer.gives_probabilities for part in named.values())
        default = IdentityScale() if comparable else RankScale()
        requests = {
            name: Request(query, context, scores[name], count_units(self._counter, context))
            for name, context in contexts.items()
        }
        entries = [self._make_entry(name, part, requests[name], default) for name, part in named.items()]
        clock.lap("count")
        selections, outputs, after = self._fit_budget(named, contexts, entries)
        results = {
            name: Pruned(
                query=query,
                output=outputs[name],
                units=Verdicts(contexts[name], scores[name], entry.tokens, selections[name]),
                tokens_before=_render(part, contexts[name], entry, range(len(entry.tokens)), self._counter)[1],
                tokens_after=after[name],
                counter=self._counter.name,
                scorer=SCORERS.name_of(type(part._scorer.for_context(contexts[name]).origin)),
                policy=type(self).__name__,
                note=omission_note(contexts[name], selections[name]),
            )
            for (name, part), entry in zip(named.items(), entries, strict=True)
        }
        clock.lap("select")
        return SharedBudget(query, int(self.budget), results, self._counter.name, clock.seconds)

    async def aprune(self, query: str, parts: Mapping[str, BudgetPart | Context[Any]]) -> SharedBudget:
        """As `prune`, off the event loop's thread."""
        return await asyncio.to_thread(self.prune, query, parts)

    @property
    def _counter(self) -> TokenCounter:
        return self.counter  # type: ignore[no-any-return]

    def _make_entry(self, name: str, part: BudgetPart, request: Request, default: Scale) -> Entry:
        scores = request.scores
        values = np.asarray((default if part.scale is None else part.scale)(scores), dtype=np.float64)
        if values.shape != scores.shape or not np.isfinite(values).all():
            raise UsageError("the scale gave no finite number for each unit", where=name)
        worth = np.ones(len(scores), dtype=np.bool_)
        if part._policy is not None:
            worth = np.asarray(as_selection(part._policy.select(request)).kept)
        return Entry(
            name, request.context.units, request.tokens, values * part.weight, worth, part.minimum * self.budget
        )

    def _fit_budget(
        self, named: dict[str, BudgetPart], contexts: dict[str, Context[Any]], entries: list[Entry]
    ) -> tuple[dict[str, Selection], dict[str, Any], dict[str, int]]:
        """Selections, outputs and tokens by name, with the most room whose renderings fit together."""
        # Room is in tokens of units; what stands between them is only known once a choice is rendered.
        joint = Joint(entries)

        def attempt(room: int) -> Attempt[tuple[dict[str, Selection], dict[str, Any], dict[str, int]]]:
            selections = joint.select(room)
            outputs, after = {}, {}
            for (name, part), entry in zip(named.items(), entries, strict=True):
                kept = np.flatnonzero(selections[name].kept).tolist()
                outputs[name], after[name] = _render(part, contexts[name], entry, kept, self._counter)
            spent = sum(int(entry.tokens[selections[entry.name].kept].sum()) for entry in entries)
            return Attempt((selections, outputs, after), sum(after.values()), spent)

        search = SharedBudgetSearch(int(self.budget), least=joint.pinned_tokens)
        return search.find(int(self.budget), attempt, what="what must be kept")


def _name_parts(parts: Mapping[str, BudgetPart | Context[Any]]) -> dict[str, BudgetPart]:
    if not isinstance(parts, Mapping):
        raise UsageError(f"parts is a {type(parts).__name__}", hint="give a dict from names to contexts")
    if not all(isinstance(name, str) for name in parts):
        raise UsageError("a name is no text", hint="give a dict from names to contexts")
    named = {name: part if isinstance(part, BudgetPart) else BudgetPart(part) for name, part in sorted(parts.items())}
    shares = sum(part.minimum for part in named.values())
    if shares > 1 + 1e-9:
        raise UsageError(f"the minimum shares are {shares:g} together", hint="give shares of 1 at most together")
    return named


def _render(
    part: BudgetPart, context: Context[Any], entry: Entry, kept: Sequence[int], counter: TokenCounter
) -> tuple[Any, int]:
    """What the units `kept` render to, and its tokens."""
    output = context.render(kept)
    if part.as_text is None:
        return output, count_rendered(counter, context, output, kept, entry.tokens)
    text = part.as_text(output)
    if not isinstance(text, str):
        raise UsageError(f"as_text gave a {type(text).__name__}", where=entry.name, hint="it must give a str")
    return output, counter.count(text)
