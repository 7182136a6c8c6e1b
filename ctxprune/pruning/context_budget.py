"""One token budget for several contexts at once: a schema, passages, a table, tools.

shared = ContextBudget(2000).prune(question, {
    "schema": BudgetPart(schema, minimum=0.3),
    "passages": BudgetPart(Passages(texts), weight=2.0),
})
shared.outputs["schema"], shared.tokens_after
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.calibration.scales import IdentityScale, RankScale, Scale
from ctxprune.errors import BudgetError, UsageError
from ctxprune.policies.base import POLICIES, Policy
from ctxprune.pruning.pruner import note_of, scorer_for, unit_tokens, written_tokens
from ctxprune.pruning.result import Pruned, Verdicts
from ctxprune.pruning.shared_budget import Entry, Joint
from ctxprune.scorers import DEFAULT_SCORER, SCORERS
from ctxprune.scorers.base import Scorer, score_batch
from ctxprune.tokens import TokenCounter, as_counter
from ctxprune.utils.validation import is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.policies.base import Selection

__all__ = ["BudgetPart", "ContextBudget", "SharedBudget"]

_ROUNDS = 64
_PATIENCE = 16  # rounds of tightening in proportion, before by ever more


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

    def __post_init__(self) -> None:
        scorer = SCORERS.get(self.scorer)() if isinstance(self.scorer, str) else self.scorer
        policy = POLICIES.get(self.policy)() if isinstance(self.policy, str) else self.policy
        if not hasattr(self.context, "units") or not hasattr(self.context, "render"):
            raise UsageError(f"context is a {type(self.context).__name__}", hint="give a context, such as Passages")
        if not isinstance(scorer, Scorer) or isinstance(scorer, type):
            raise UsageError(f"scorer is {scorer!r}", hint="give a scorer, or the name of one")
        if policy is not None and (not isinstance(policy, Policy) or isinstance(policy, type)):
            raise UsageError(f"policy is {policy!r}", hint="give a policy, the name of one, or None")
        if not is_number(self.weight) or self.weight <= 0:
            raise UsageError(f"weight is {self.weight!r}", hint="give a number over 0")
        if not is_number(self.minimum) or not 0 <= self.minimum <= 1:
            raise UsageError(f"minimum is {self.minimum!r}", hint="give a share from 0 to 1")
        if (check := getattr(policy, "check_scorer", None)) is not None:
            check(scorer)
        object.__setattr__(self, "scorer", scorer)
        object.__setattr__(self, "policy", policy)


@dataclass(frozen=True)
class SharedBudget:
    """Several pruned contexts, and the account over all of them.

    Attributes:
        query: The question.
        budget: Tokens that were allowed.
        parts: One result a context, by its name; names sorted.
        counter: Name of the token counter.
        seconds: Wall time of count, score, select and render. Not part of equality.
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
        if not isinstance(self.budget, (int, np.integer)) or isinstance(self.budget, bool) or self.budget < 0:
            raise UsageError(f"budget is {self.budget!r}", hint="give a whole number from 0 up")
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
        named = _named(parts)
        start = time.perf_counter()
        scores = {
            name: score_batch(part.scorer, [query], [part.context])[0]  # type: ignore[arg-type]  # resolved
            for name, part in named.items()
        }
        scored = time.perf_counter()
        comparable = all(getattr(part.scorer, "gives_probabilities", False) for part in named.values())
        default = IdentityScale() if comparable else RankScale()
        entries = [self._entry(name, part, scores[name], default) for name, part in named.items()]
        counted = time.perf_counter()
        selections, outputs, after = self._fit(named, entries)
        results = {
            name: Pruned(
                query=query,
                output=outputs[name],
                units=Verdicts(part.context, scores[name], entry.tokens, selections[name]),
                tokens_before=_tokens(part, entry, range(len(entry.tokens)), self._counter)[1],
                tokens_after=after[name],
                counter=self._counter.name,
                scorer=SCORERS.name_of(type(scorer_for(part.scorer, part.context))),  # type: ignore[arg-type]
                policy=type(self).__name__,
                note=note_of(part.context, selections[name]),
            )
            for (name, part), entry in zip(named.items(), entries, strict=True)
        }
        seconds = {"score": scored - start, "count": counted - scored, "select": time.perf_counter() - counted}
        return SharedBudget(query, int(self.budget), results, self._counter.name, seconds)

    async def aprune(self, query: str, parts: Mapping[str, BudgetPart | Context[Any]]) -> SharedBudget:
        """As `prune`, off the event loop's thread."""
        return await asyncio.to_thread(self.prune, query, parts)

    @property
    def _counter(self) -> TokenCounter:
        return self.counter  # type: ignore[no-any-return]

    def _entry(self, name: str, part: BudgetPart, scores: Scores, default: Scale) -> Entry:
        units = part.context.units
        values = np.asarray((default if part.scale is None else part.scale)(scores), dtype=np.float64)
        if values.shape != scores.shape or not np.isfinite(values).all():
            raise UsageError("the scale gave no finite number for each unit", where=name)
        tokens = unit_tokens(self._counter, part.context)
        worth = np.ones(len(units), dtype=np.bool_)
        if part.policy is not None:
            worth = np.asarray(part.policy.select(scores, part.context, tokens).kept)  # type: ignore[union-attr]
        return Entry(name, units, tokens, values * part.weight, worth, part.minimum * self.budget)

    def _fit(
        self, named: dict[str, BudgetPart], entries: list[Entry]
    ) -> tuple[dict[str, Selection], dict[str, Any], dict[str, int]]:
        """Selections, outputs and tokens by name; tightened until the rendered whole fits."""
        joint, room = Joint(entries), int(self.budget)
        for round_ in range(_ROUNDS):
            selections = joint.select(room)
            outputs, after = {}, {}
            for (name, part), entry in zip(named.items(), entries, strict=True):
                kept = np.flatnonzero(selections[name].kept)
                outputs[name], after[name] = _tokens(part, entry, kept.tolist(), self._counter)
            total = sum(after.values())
            if total <= self.budget:
                return selections, outputs, after
            if room == joint.pinned_tokens:
                break
            spent = sum(int(entry.tokens[selections[entry.name].kept].sum()) for entry in entries)
            # What the text takes beyond its units mostly grows with them.
            fitting = min(spent * int(self.budget) // total, spent - (1 << max(0, round_ - _PATIENCE)))
            room = max(fitting, joint.pinned_tokens)
        raise BudgetError(
            f"what must be kept renders to {sum(after.values())} tokens, over the budget of {self.budget}",
            hint="raise the budget",
        )


def _named(parts: Mapping[str, BudgetPart | Context[Any]]) -> dict[str, BudgetPart]:
    if not isinstance(parts, Mapping):
        raise UsageError(f"parts is a {type(parts).__name__}", hint="give a dict from names to contexts")
    if not all(isinstance(name, str) for name in parts):
        raise UsageError("a name is no text", hint="give a dict from names to contexts")
    named = {name: part if isinstance(part, BudgetPart) else BudgetPart(part) for name, part in sorted(parts.items())}
    shares = sum(part.minimum for part in named.values())
    if shares > 1 + 1e-9:
        raise UsageError(f"the minimum shares are {shares:g} together", hint="give shares of 1 at most together")
    return named


def _tokens(part: BudgetPart, entry: Entry, kept: Sequence[int], counter: TokenCounter) -> tuple[Any, int]:
    """What the units `kept` render to, and its tokens."""
    output = part.context.render(kept)
    if part.as_text is None:
        return output, written_tokens(counter, part.context, output, kept, entry.tokens)
    text = part.as_text(output)
    if not isinstance(text, str):
        raise UsageError(f"as_text gave a {type(text).__name__}", where=entry.name, hint="it must give a str")
    return output, counter.count(text)
