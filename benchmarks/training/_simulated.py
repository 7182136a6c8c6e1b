"""Sets of candidates as several systems would give them, drawn from gold SQL and its variants."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.training._mutations import variants
from ctxprune.sql.evaluation.spider import equal_results, order_matters, prepare_gold, prepare_prediction
from ctxprune.sql.select.features import Case, Evidence, case_features
from ctxprune.sql.select.forms import HEADS, read_form
from ctxprune.sql.select.grouping import choose_representative, read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ctxprune.sql.database.database import ResultSet
    from ctxprune.sql.evaluation.datasets import Item
    from ctxprune.sql.schema.schema import Schema
    from ctxprune.sql.select.grouping import ResultTable

SIZES = (2, 3, 4, 5, 5, 6, 8, 10, 15, 20, 20, 30, 45, 60)
_VARIANTS = 10


@dataclass(frozen=True)
class Popularity:
    """How often systems are right, and how they agree where they are wrong.

    `right` are the parameters of the beta distribution of the share of right answers; wrong ones share the rest by
    gamma weights of shape `spread`, times exp(`tempted` times how expected their form is). A share `contrary` of the
    questions is hard: most systems make one and the same mistake. Systems come in families, so many as `families`
    (least, most) a system; one follows its family's answer with the probability `follow`, else it answers alone.
    """

    right: tuple[float, float]
    spread: float
    tempted: float
    contrary: float = 0.0
    families: tuple[float, float] = (0.3, 0.8)
    follow: float = 0.7


POPULARITY = Popularity((2.0, 0.6), 0.6, 0.25, 0.05)
_HARD = Popularity((0.5, 3.0), 0.35, 0.25)


@dataclass(frozen=True)
class Pool:
    """A question with its gold SQL first, then variants; results and verdicts by place."""

    item: Item
    sqls: tuple[str, ...]
    tables: Mapping[int, ResultTable]
    right: tuple[bool, ...]


def pool_of(item: Item, schema: Schema, run: Callable[[str], ResultSet | None], rng: random.Random) -> Pool | None:
    """None where the gold SQL fails, or where there are fewer than two wrong variants."""
    gold = run(prepare_gold(item.gold))
    if gold is None:
        return None
    sqls = [item.gold, *variants(item.gold, schema, rng, _VARIANTS)]
    right, tables, ordered = [True], {}, order_matters(item.gold)
    for place, sql in enumerate(sqls):
        if (result := run(sql)) is not None:
            tables[place] = read_table(result)
        if place:
            judged = run(prepare_prediction(sql))
            right.append(judged is not None and equal_results(gold.rows, judged.rows, ordered=ordered))
    return Pool(item, tuple(sqls), tables, tuple(right)) if right.count(False) > 1 else None


def draw(
    pool: Pool, expected: Mapping[str, np.ndarray], known: Evidence, popularity: Popularity, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray] | None:
    """Features (n_groups, n_features) of one set of candidates and which groups are right; None where all agree."""
    kind = _HARD if rng.random() < popularity.contrary else popularity
    right = [place for place, flag in enumerate(pool.right) if flag]
    wrong = [place for place, flag in enumerate(pool.right) if not flag]
    wrong = list(rng.permutation(wrong)[: 1 + rng.poisson(4)])
    pull = np.array([_plausible(pool.sqls[place], expected) for place in wrong])
    bad = rng.gamma(kind.spread, size=len(wrong)) * np.exp(kind.tempted * pull) + 1e-12
    good = rng.gamma(0.5, size=len(right)) + 1e-9
    good[0] += 1
    share = rng.beta(*kind.right)
    chances = np.concatenate([share * good / good.sum(), (1 - share) * bad / bad.sum()])
    places = _answers([*right, *wrong], chances / chances.sum(), kind, rng)
    if len(set(places)) == 1:
        return None
    return _rows(pool, places, Case(pool.item.question, [pool.sqls[p] for p in places], {}, expected, known))


def _answers(places: Sequence[int], chances: np.ndarray, kind: Popularity, rng: np.random.Generator) -> list[int]:
    size = rng.choice(SIZES)
    families = max(1, round(size * rng.uniform(*kind.families)))
    common = rng.choice(places, size=families, p=chances)[rng.integers(families, size=size)]
    own = rng.choice(places, size=size, p=chances)
    return [int(place) for place in np.where(rng.random(size) < kind.follow, common, own)]


def _rows(pool: Pool, places: Sequence[int], case: Case) -> tuple[np.ndarray, np.ndarray] | None:
    tables = {place: pool.tables[source] for place, source in enumerate(places) if source in pool.tables}
    groups, rows = case_features(Case(case.question, case.sqls, tables, case.expected, case.evidence))
    flags = [pool.right[places[choose_representative(group.members, tables, case.sqls)]] for group in groups]
    return (rows, np.array(flags, dtype=float)) if groups else None


def _plausible(sql: str, expected: Mapping[str, np.ndarray]) -> float:
    form = read_form(sql)
    return -30.0 if form is None else float(sum(max(expected[name][form.facts[name]], -4.6) for name in HEADS))
