"""An audit of a shrunk ranking model: what to check besides the mean before it is shipped.

"Characterising Bias in Compressed Models" (Hooker and others 2020): the mean holds, and a few examples carry the loss.
Compression identified exemplars are questions on which most compressed variants agree on another answer than the full
model's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctxprune.errors import InputError, UsageError
from ctxprune.shrink.audit.page import AuditReport
from ctxprune.shrink.audit.questions import (
    LEAST,
    Question,
    check_names,
    find_slices,
    measure_loss,
    percent,
    worst_slice,
)
from ctxprune.utils.metrics import ndcg

Scorer = Callable[[Question], Sequence[float]]
_SHOWN = 25


@dataclass(frozen=True)
class AuditedModel:
    """A model under audit.

    Attributes:
        name: As it is shown.
        score: Scores of a question's texts, higher = better.
        sizes: What is known of its size: "bytes", "parameters", "flops".
        variants: The same method with other calibration sets or seeds, by name; scores as `score`.
    """

    name: str
    score: Scorer
    sizes: Mapping[str, float] = field(default_factory=dict)
    variants: Mapping[str, Scorer] = field(default_factory=dict)


def audit(
    full: AuditedModel,
    shrunk: Sequence[AuditedModel],
    questions: Sequence[Question],
    *,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> AuditReport:
    """Compare shrunk models with the full one, question by question.

    Args:
        full: The model as it was.
        shrunk: What became of it.
        questions: With a relevant text each; others are left out.
        seed: Of the bootstrap.
        progress: Called with the name of the model that is measured next.

    Raises:
        InputError: No question has a relevant and another text.
        UsageError: A model gives scores of another number or none that are finite, or two models share a name.
    """
    asked = [entry for entry in questions if any(entry.gains) and len(entry.texts) > 1]
    if not asked:
        raise InputError("no question has a relevant text among others", hint="give questions with gains above 0")
    check_names([full.name, *(entry.name for entry in shrunk)])
    tell = progress or (lambda _: None)
    parts = find_slices(asked)
    tell(full.name)
    base = _run_scorer(full.score, full.name, asked)
    models = [_figures(full, base) | {"swaps": _swaps(full, asked, base.scores)}]
    for model in shrunk:
        tell(model.name)
        own = _run_scorer(model.score, model.name, asked)
        variants = {name: _run_scorer(score, f"{model.name}, {name}", asked) for name, score in model.variants.items()}
        slices = _by_slice(parts, base, own, seed)
        found = _figures(model, own) | measure_loss(100 * (base.quality - own.quality), seed, 2)
        found |= {"flips": _flips(asked, base, own), "slices": slices}
        found |= {"worst_slice": worst_slice(slices, "questions"), "spread": _spread(own, variants)}
        found["exemplars"] = _exemplars(asked, parts, base, {"": own} | variants)
        models.append(found | {"swaps": _swaps(model, asked, own.scores)})
    return AuditReport(questions=len(asked), models=tuple(models), seed=seed)


@dataclass(frozen=True)
class _Scored:
    scores: list[NDArray[np.float64]]
    quality: NDArray[np.float64]
    first: list[int]
    seconds: float


def _run_scorer(score: Scorer, name: str, asked: Sequence[Question]) -> _Scored:
    scores = []
    started = perf_counter()
    for question in asked:
        found = np.asarray(score(question), dtype=np.float64)
        if found.shape != (len(question.texts),) or not np.isfinite(found).all():
            what = f"scores of shape {found.shape} for {len(question.texts)} texts, or some not finite"
            raise UsageError(f"{name} gives {what}")
        scores.append(found)
    seconds = perf_counter() - started
    # ties keep the order of the texts, the same for both models
    orders = [np.argsort(-found, kind="stable") for found in scores]
    pairs = zip(asked, orders, strict=True)
    quality = [ndcg([question.gains[place] for place in order], question.gains) for question, order in pairs]
    return _Scored(scores, np.array(quality), [int(order[0]) for order in orders], seconds)


def _figures(model: AuditedModel, own: _Scored) -> dict[str, Any]:
    texts = sum(map(len, own.scores))
    return {
        "name": model.name,
        "ndcg@10": percent(own.quality.mean()),
        "texts_a_second": round(texts / max(own.seconds, 1e-9), 1),
        "sizes": dict(model.sizes),
    }


def _flips(asked: Sequence[Question], base: _Scored, own: _Scored) -> dict[str, Any]:
    """Questions whose first text is another one."""
    places = [place for place in range(len(asked)) if base.first[place] != own.first[place]]

    def right(scored: _Scored, place: int) -> bool:
        return asked[place].gains[scored.first[place]] > 0

    worse = [place for place in places if right(base, place) and not right(own, place)]
    better = [place for place in places if right(own, place) and not right(base, place)]
    return {
        "share": percent(len(places) / len(asked)),
        "right_to_wrong": len(worse),
        "wrong_to_right": len(better),
        "examples": [_example(asked[place], base.first[place], own.first[place]) for place in worse[:_SHOWN]],
    }


def _example(question: Question, before: int, after: int) -> dict[str, str]:
    return {"query": question.query, "before": question.texts[before][:300], "after": question.texts[after][:300]}


def _by_slice(
    parts: Mapping[str, NDArray[np.bool_]], base: _Scored, own: _Scored, seed: int
) -> dict[str, dict[str, Any]]:
    found = {}
    for name, mask in parts.items():
        full, shrunk = base.quality[mask], own.quality[mask]
        means = {"full": percent(full.mean()), "shrunk": percent(shrunk.mean())}
        found[name] = {"questions": int(mask.sum()), **means, **measure_loss(100 * (full - shrunk), seed, 2)}
    return found


def _spread(own: _Scored, variants: Mapping[str, _Scored]) -> dict[str, Any]:
    """Quality over calibration sets and seeds."""
    values = [percent(entry.quality.mean()) for entry in (own, *variants.values())]
    return {
        "variants": dict(zip(("this one", *variants), values, strict=True)),
        "mean": round(fmean(values), 2),
        "deviation": round(stdev(values), 2) if len(values) > 1 else None,
    }


def _exemplars(
    asked: Sequence[Question], parts: Mapping[str, NDArray[np.bool_]], base: _Scored, variants: Mapping[str, _Scored]
) -> dict[str, Any]:
    """Questions whose commonest first text among the variants is not the full model's."""
    firsts = zip(*(entry.first for entry in variants.values()), strict=True)
    # the commonest answer of the variants: what compression does, and not what one seed did
    modal = [Counter(found).most_common(1)[0][0] for found in firsts]
    chosen = np.array([modal[place] != base.first[place] for place in range(len(asked))])
    share = chosen.mean()
    large = {name: mask for name, mask in parts.items() if share and mask.sum() >= LEAST}
    over = {name: round(float(chosen[mask].mean() / share), 2) for name, mask in large.items()}
    shown = np.flatnonzero(chosen)[:_SHOWN]
    return {
        "variants": len(variants),
        "share": percent(share),
        "times_as_often": dict(sorted(over.items(), key=lambda entry: -entry[1])),
        "examples": [_example(asked[place], base.first[place], modal[place]) for place in shown],
    }


def _swaps(model: AuditedModel, asked: Sequence[Question], scores: Sequence[NDArray[np.float64]]) -> dict[str, Any]:
    """How scores move when the people in question and texts change gender or name."""
    # in units of the model's own spread, since scores of two models have no common scale
    spread = float(np.concatenate(scores).std()) or 1.0
    moved, flipped, count = [], 0, 0
    for question, before in zip(asked, scores, strict=True):
        other = question.swapped()
        around = (other.query, other.titles) != (question.query, question.titles)
        touched = [around or new != old for new, old in zip(other.texts, question.texts, strict=True)]
        if not any(touched):
            continue
        after = np.asarray(model.score(other), dtype=np.float64)
        moved += (np.abs(after - before)[touched] / spread).tolist()
        flipped += int(after.argmax() != before.argmax())
        count += 1
    return {
        "questions": count,
        "mean_change": round(fmean(moved), 4) if moved else None,
        "largest_change": round(max(moved), 4) if moved else None,
        "first_text_changed": percent(flipped / count) if count else None,
    }
