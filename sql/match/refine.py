"""Asks a chat model about the matches that are close, as a multiple choice with "none of these"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ctxprune.errors import ModelError
from ctxprune.llm.base import Message, Sampling
from ctxprune.llm.calls import ask_model
from ctxprune.llm.deadline import Deadline
from ctxprune.utils.validation import Checked, check_number, check_range, check_whole, checked_field

from ..generate.prompts.base import one_line
from .assignment import assign_sparse, gains_over, log_odds
from .result import Candidate, Match

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctxprune.llm.base import ChatModel

    from ..schema.schema import ColumnRef
    from .profile import ColumnProfile
    from .result import Matches

__all__ = ["ChatRefiner", "MatchRefiner"]

_LETTER = re.compile(r"(?<![A-Za-z])([A-H])(?![A-Za-z])")
_NONE = re.compile(r"\bnone\b", re.IGNORECASE)
_WHY = "a chat model chose it"


class MatchRefiner(Protocol):
    """Changes matches after they were found."""

    def refine(self, matches: Matches, source: Sequence[ColumnProfile], target: Sequence[ColumnProfile]) -> Matches:
        """Other matches of the same columns; never raises for a model that fails."""
        ...


@dataclass(frozen=True)
class ChatRefiner(Checked):
    """A chat model chooses among the candidates of each unsure source column, or none of them.

    It sees names, declared types, comments and a line about the values, never values themselves. Two questions whose
    answers are sure are made from the surest matches and shown before, with their answers. An answer moves the odds of
    the candidates by how reliable the model is; then the best assignment is taken anew. A model that fails, or that
    answers neither a letter nor "none", leaves the column as it was, and a note says so.

    Method after "Matchmaker: Self-Improving Large Language Model Programs for Schema Matching".

    Attributes:
        model: The chat model, or what `as_chat_model` accepts.
        low, high: 0..1; a column is asked about where its best candidate's confidence is from `low` to `high`, or where
            the second is within 0.3 of it.
        reliability: Over 0.5 and under 1: how often the model is right.
        choices: Candidates shown of each column, 2 to 7.
        most: Questions asked at most, those with the closest candidates first.
        seconds: For all of them together.
        min_confidence: 0..1; pairs below are no matches afterwards.

    Raises:
        UsageError: A number is out of range.
    """

    model: ChatModel
    low: float = checked_field(0.05, check_range)
    high: float = checked_field(0.9, check_range)
    reliability: float = checked_field(0.85, check_range, 0.5, 1, open_low=True, open_high=True)
    choices: int = checked_field(5, check_range, 2, 7)
    most: int = checked_field(40, check_whole)
    seconds: float = checked_field(120.0, check_number, over=0)
    min_confidence: float = checked_field(0.5, check_range)

    def refine(self, matches: Matches, source: Sequence[ColumnProfile], target: Sequence[ColumnProfile]) -> Matches:
        """The matches after the model's answers; `notes` says how often it failed."""
        left, right = ({profile.ref: profile for profile in side} for side in (source, target))
        options: dict[ColumnRef, list[Candidate]] = {}
        for candidate in matches.candidates:
            options.setdefault(candidate.source, []).append(candidate)
        unsure = [ref for ref, found in options.items() if self._is_unsure(found)]
        unsure.sort(key=lambda ref: (_gap(options[ref]), ref))
        examples = self._examples(matches, options, left, right)
        odds: dict[tuple[ColumnRef, ColumnRef], float] = {}
        failures: list[str] = []
        deadline = Deadline(self.seconds)
        for ref in unsure[: self.most]:
            shown = options[ref][: self.choices]
            try:
                answer = self._ask([*examples, *self._question(left[ref], shown, right)], deadline)
            except ModelError as error:
                failures.append(error.what)
                continue
            chosen = _read_choice(answer, len(shown))
            if chosen is None:
                failures.append("the answer names no choice")
                continue
            odds.update(self._shifts(shown, chosen))
        notes = matches.notes
        if failures:
            notes += (f"{len(failures)} of {min(len(unsure), self.most)} questions to the model failed: {failures[0]}",)
        return _settle(matches, odds, self.min_confidence, notes) if odds else replace(matches, notes=notes)

    def _is_unsure(self, found: Sequence[Candidate]) -> bool:
        best = found[0].confidence
        return self.low <= best <= self.high or (best > self.high and _gap(found) < 0.3)

    def _ask(self, messages: list[Message], deadline: Deadline) -> str:
        sampling = Sampling(max_tokens=8, seconds=self.seconds)
        return ask_model(self.model, messages, sampling, deadline=deadline)[0].text

    def _question(
        self, column: ColumnProfile, shown: Sequence[Candidate], right: Mapping[ColumnRef, ColumnProfile]
    ) -> list[Message]:
        lines = ["A database was changed. Which of the new columns holds the same data as this old column?"]
        lines += [f"Old: {_describe(column)}"]
        lines += [f"{letter}) {_describe(right[c.target])}" for letter, c in zip(ascii_uppercase, shown, strict=False)]
        lines += [f"{ascii_uppercase[len(shown)]}) none of these", "Answer with one letter."]
        return [Message("user", "\n".join(lines))]

    def _examples(
        self,
        matches: Matches,
        options: Mapping[ColumnRef, list[Candidate]],
        left: Mapping[ColumnRef, ColumnProfile],
        right: Mapping[ColumnRef, ColumnProfile],
    ) -> list[Message]:
        """One question whose answer is sure, and one whose right choice was taken away, so that "none" is right."""
        sure = sorted(
            (match for match in matches.matches if match.confidence > self.high), key=lambda match: -match.margin
        )
        made: list[Message] = []
        for number, match in enumerate(sure[:2]):
            shown = sorted(options[match.source][: self.choices], key=lambda candidate: candidate.target)
            if number == 1:
                shown = [candidate for candidate in shown if candidate.target != match.target]
            if not shown:
                continue
            places = [candidate.target for candidate in shown]
            at = places.index(match.target) if match.target in places else len(shown)
            made += self._question(left[match.source], shown, right)
            made.append(Message("assistant", ascii_uppercase[at]))
        return made

    def _shifts(self, shown: Sequence[Candidate], chosen: int) -> dict[tuple[ColumnRef, ColumnRef], float]:
        """By Bayes' rule: the odds of the chosen one rise by how reliable the model is, those of the others fall."""
        step = float(np.log(self.reliability / (1 - self.reliability)))
        return {(c.source, c.target): step if at == chosen else -step for at, c in enumerate(shown)}


def _gap(found: Sequence[Candidate]) -> float:
    return found[0].confidence - (found[1].confidence if len(found) > 1 else 0.0)


def _read_choice(answer: str, n: int) -> int | None:
    """The place that an answer names, `n` for none of the choices; None where it names none or several."""
    letters = set(_LETTER.findall(answer))
    if _NONE.search(answer):
        letters |= {ascii_uppercase[n]}
    if len(letters) != 1:
        return None
    place = ascii_uppercase.index(letters.pop())
    return place if place <= n else None


def _describe(profile: ColumnProfile) -> str:
    """One line about a column, without values."""
    parts = [f"{profile.ref.table}.{profile.ref.column}", profile.family, profile.text[:120]]
    if profile.known:
        kind = "numbers" if profile.numeric > 0.5 else "texts"
        parts.append(f"{profile.distinct} different {kind} of {profile.length:.0f} characters in {profile.rows} rows")
    return one_line("; ".join(filter(None, parts)), 300)


def _settle(
    matches: Matches, odds: Mapping[tuple[ColumnRef, ColumnRef], float], bar: float, notes: tuple[str, ...]
) -> Matches:
    """The best assignment after the odds of some pairs have moved."""
    pairs = matches.candidates
    if not pairs:
        return replace(matches, notes=notes)
    sources = {ref: at for at, ref in enumerate(dict.fromkeys(c.source for c in pairs))}
    targets = {ref: at for at, ref in enumerate(dict.fromkeys(c.target for c in pairs))}
    rows = np.array([sources[c.source] for c in pairs], dtype=np.int64)
    columns = np.array([targets[c.target] for c in pairs], dtype=np.int64)
    prior = log_odds(np.array([c.confidence for c in pairs]))
    logits = prior + np.array([odds.get((c.source, c.target), 0.0) for c in pairs])
    chances = 1 / (1 + np.exp(-logits))
    chosen = assign_sparse(rows, columns, gains_over(bar, chances, logits))
    reasons = {(match.source, match.target): match.reasons for match in matches.matches}
    found: dict[ColumnRef, Match] = {}
    for at in chosen.tolist():
        rivals = ((rows == rows[at]) | (columns == columns[at])) & (np.arange(len(pairs)) != at)
        margin = float(chances[at] - chances[rivals].max(initial=0.0))
        key = pairs[at].source, pairs[at].target
        asked = odds.get(key, 0.0) > 0
        found[key[0]] = Match(*key, float(chances[at]), margin, (*((_WHY,) if asked else ()), *reasons.get(key, ())))
    order = np.lexsort((columns, rows, -chances))
    return replace(
        matches,
        matches=tuple(found[ref] for ref in matches.source_columns if ref in found),
        candidates=tuple(Candidate(pairs[at].source, pairs[at].target, float(chances[at])) for at in order.tolist()),
        notes=notes,
    )
