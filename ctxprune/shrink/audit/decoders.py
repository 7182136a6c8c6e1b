"""An audit of shrunk generators: perplexity by kind of text, knowledge, retrieval, people and unkind words.

All of it is read off the likelihood of continuations, so that nothing is generated and the same texts give the same
figures. See `ctxprune.shrink.audit.probes` for what is asked and the papers behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctxprune.errors import InputError, UsageError
from ctxprune.shrink.audit.page import DecoderReport
from ctxprune.shrink.audit.probes import FACTS, PEOPLE, PROMPTS, UNKIND, Choice, retrieval_choices
from ctxprune.shrink.audit.questions import (
    Question,
    check_names,
    find_slices,
    measure_loss,
    percent,
    swap_gender,
    worst_slice,
)

Likelihoods = Callable[[Sequence[tuple[str, str]]], Sequence[tuple[float, int]]]
_SHOWN = 25


@dataclass(frozen=True)
class AuditedDecoder:
    """A generator under audit.

    Attributes:
        name: As it is shown.
        likelihoods: For pairs of a beginning and a continuation: the continuation's log-likelihood in nats after the
            beginning, and its tokens. After "" the first token, which nothing predicts, is left out.
        sizes: What is known of its size: "bytes", "parameters", "flops".
    """

    name: str
    likelihoods: Likelihoods
    sizes: Mapping[str, float] = field(default_factory=dict)


def audit_decoders(
    full: AuditedDecoder,
    shrunk: Sequence[AuditedDecoder],
    texts: Sequence[str],
    *,
    knowledge: Sequence[Choice] = FACTS,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> DecoderReport:
    """Compare shrunk generators with the full one.

    Args:
        full: The model as it was.
        shrunk: What became of it.
        texts: That perplexity is measured on, apart from what a recipe was calibrated with.
        knowledge: Questions whose answers the model has to know.
        seed: Of the bootstrap and of the retrieval texts.
        progress: Called with the name of the model that is measured next.

    Raises:
        InputError: There are no texts of two tokens, or no questions.
        UsageError: A model gives likelihoods of another number or none that are finite, or two models share a name.
    """
    if not texts or not knowledge:
        raise InputError("there are no texts or no questions", hint="give some of both")
    check_names([full.name, *(entry.name for entry in shrunk)])
    parts = find_slices([Question(text, (text,), (1.0,)) for text in texts], noun="text")
    tell = progress or (lambda _: None)
    tell(full.name)
    base = _ask(full, texts, knowledge, seed)
    models = [_figures(full, base)]
    for model in shrunk:
        tell(model.name)
        own = _ask(model, texts, knowledge, seed)
        # a text that one model cannot measure says nothing about the other
        both = (base.tokens > 0) & (own.tokens > 0)
        lost = np.where(both, _per_token(own) - _per_token(base), 0.0)
        slices = {
            name: _slice(mask & both, base, own, lost, seed) for name, mask in parts.items() if (mask & both).any()
        }
        models.append(
            _figures(model, own)
            | measure_loss(lost[both], seed, 3)
            | {"slices": slices, "worst_slice": worst_slice(slices, "texts")}
            | {"forgotten": _compare_answers(knowledge, base.known, own.known)}
        )
    return DecoderReport(texts=len(texts), models=tuple(models), seed=seed)


@dataclass(frozen=True)
class _Answers:
    """Of one model."""

    nats: NDArray[np.float64]  # minus log-likelihood of each text
    tokens: NDArray[np.int64]
    seconds: float  # that the texts took
    known: list[int]  # place of the answer to each question
    knowledge: dict[str, float]
    retrieval: dict[str, float]
    people: list[float]  # differences in nats of each sentence and the same about somebody else
    unkind: dict[str, float]  # by prompt the probability of the unkind words together


def _ask(model: AuditedDecoder, texts: Sequence[str], knowledge: Sequence[Choice], seed: int) -> _Answers:
    started = perf_counter()
    whole = _read_likelihoods(model, [("", text) for text in texts])
    seconds = perf_counter() - started
    nats, tokens = np.array([-value for value, _ in whole]), np.array([count for _, count in whole])
    if not tokens.any():
        raise InputError("no text has two tokens", hint="give longer texts")
    known, retrieval = _choose(model, knowledge), retrieval_choices(seed=seed)
    sentences = [("", version) for text in PEOPLE for version in (text, swap_gender(text))]
    people = [value for value, _ in _read_likelihoods(model, sentences)]
    unkind = _read_likelihoods(model, [(prompt, f" {word}") for prompt in PROMPTS for word in UNKIND])
    mass = np.exp([value for value, _ in unkind]).reshape(len(PROMPTS), len(UNKIND)).sum(1)
    return _Answers(
        nats, tokens, seconds, known, _right(knowledge, known), _right(retrieval, _choose(model, retrieval)),
        people=[one - other for one, other in zip(people[::2], people[1::2], strict=True)],
        unkind=dict(zip(PROMPTS, mass.tolist(), strict=True)),
    )  # fmt: skip


def _read_likelihoods(model: AuditedDecoder, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
    found = list(model.likelihoods(pairs))
    if len(found) != len(pairs) or not np.isfinite([value for value, _ in found]).all():
        raise UsageError(f"{model.name} gives {len(found)} likelihoods for {len(pairs)} texts, or some not finite")
    return found


def _choose(model: AuditedDecoder, choices: Sequence[Choice]) -> list[int]:
    """The place of the likeliest answer of each; the first of equal ones."""
    pairs = [(choice.prompt, f" {answer}") for choice in choices for answer in choice.answers]
    values = iter([value for value, _ in _read_likelihoods(model, pairs)])
    return [int(np.argmax([next(values) for _ in choice.answers])) for choice in choices]


def _figures(model: AuditedDecoder, own: _Answers) -> dict[str, Any]:
    worst = max(own.unkind, key=own.unkind.__getitem__)
    return {
        "name": model.name,
        "perplexity": _perplexity(own.nats, own.tokens),
        "tokens_a_second": round(int(own.tokens.sum()) / max(own.seconds, 1e-9), 1),
        "sizes": dict(model.sizes),
        "knowledge": own.knowledge,
        "retrieval": own.retrieval,
        "people": {"pairs": len(own.people), "mean_change": round(fmean(map(abs, own.people)), 3),
                   "leaning": round(fmean(own.people), 3)},
        "unkind": {"mean": percent(fmean(own.unkind.values())), "largest": percent(own.unkind[worst]), "prompt": worst},
    }  # fmt: skip


def _right(choices: Sequence[Choice], chosen: Sequence[int]) -> dict[str, float]:
    right = [choice.right == place for choice, place in zip(choices, chosen, strict=True)]
    chance = fmean(1 / len(choice.answers) for choice in choices)
    return {"questions": len(right), "right": percent(fmean(right)), "chance": percent(chance)}


def _compare_answers(choices: Sequence[Choice], before: Sequence[int], after: Sequence[int]) -> dict[str, Any]:
    """Questions that the full model knows and the shrunk one does not, and the other way round."""
    lost, won, examples = 0, 0, []
    for choice, one, other in zip(choices, before, after, strict=True):
        won += other == choice.right != one
        if one == choice.right != other:
            lost += 1
            examples.append({"query": choice.prompt, "before": choice.answers[one], "after": choice.answers[other]})
    return {"lost": lost, "won": won, "examples": examples[:_SHOWN]}


def _slice(
    mask: NDArray[np.bool_], base: _Answers, own: _Answers, lost: NDArray[np.float64], seed: int
) -> dict[str, Any]:
    return {
        "texts": int(mask.sum()),
        "full": _perplexity(base.nats[mask], base.tokens[mask]),
        "shrunk": _perplexity(own.nats[mask], own.tokens[mask]),
    } | measure_loss(lost[mask], seed, 3)


def _per_token(own: _Answers) -> NDArray[np.float64]:
    return own.nats / np.maximum(own.tokens, 1)


def _perplexity(nats: NDArray[np.float64], tokens: NDArray[np.int64]) -> float:
    # a ruined model's perplexity has no room in a float
    return round(float(np.exp(min(nats.sum() / max(tokens.sum(), 1), 700.0))), 2)
