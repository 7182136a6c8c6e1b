"""Every kind of text, under every scorer that needs nothing but its name, and every policy."""

from __future__ import annotations

import numpy as np
import pytest

from ctxprune.errors import UsageError
from ctxprune.policies import POLICIES, TableBudget, TokenBudget
from ctxprune.pruning.pruner import Pruner, prune
from ctxprune.rag.kinds import KINDS, read_context
from ctxprune.scorers import SCORERS

QUESTION = "In which year were the games in Paris?"
CITIES = ("Athens", "Paris", "St. Louis", "London", "Stockholm", "Antwerp")
YEARS = tuple(range(1896, 1920, 4))
RECORDS = tuple(zip(YEARS, CITIES, strict=True))
TEXTS = {
    "csv": "Year,City\n" + "".join(f"{year},{city}\n" for year, city in RECORDS),
    "html": "<title>Games</title><h1>Games</h1><table><tr><th>Year<th>City"
    + "".join(f"<tr><td>{year}<td>{city}" for year, city in RECORDS)
    + "</table>"
    + "".join(
        f"<p>In {year} the games were in {city}, and many people came to see them.</p>" for year, city in RECORDS
    ),
    "json": "[" + ", ".join(f'{{"year": {year}, "city": "{city}"}}' for year, city in RECORDS) + "]",
    "log": "".join(f"{year}-07-01 10:00:00 INFO the games open in {city}\n" for year, city in RECORDS),
    "markdown": "# Games\n\n" + "".join(f"In {year} they were in {city}.\n\n" for year, city in RECORDS),
    "schema": '{"type": "object", "properties": {'
    + ", ".join(f'"{city.lower()}": {{"type": "string", "description": "Games of {year}"}}' for year, city in RECORDS)
    + "}}",
    "table": "| Year | City |\n|---|---|\n" + "".join(f"| {year} | {city} |\n" for year, city in RECORDS),
    "text": " ".join(f"In {year} they were in {city}." for year, city in RECORDS),
    "tools": "["
    + ", ".join(
        f'{{"name": "{city.lower()}", "description": "{year}", "input_schema": {{}}}}' for year, city in RECORDS
    )
    + "]",
    "triples": "".join(f"Games {year} | in city | {city}\n" for year, city in RECORDS),
    "tsv": "Year\tCity\n" + "".join(f"{year}\t{city}\n" for year, city in RECORDS),
}


def scorers() -> list[str]:
    """Those that are made without arguments and read without a model of their own."""
    found = []
    for name in SCORERS.names():
        try:
            SCORERS.get(name)()
        except (TypeError, UsageError):
            continue
        found.append(name)
    return found


@pytest.mark.parametrize("scorer", scorers())
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_scorer_reads_every_kind(kind: str, scorer: str) -> None:
    context = read_context(TEXTS[kind], kind)
    scores = SCORERS.get(scorer)().score(QUESTION, context)
    assert scores.shape == (len(context.units),)
    assert np.isfinite(scores).all()
    result = Pruner(scorer, TokenBudget(60)).prune(QUESTION, context)
    assert result.tokens_after <= 60
    assert result.output


@pytest.mark.parametrize("policy", POLICIES.names())
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_policy_prunes_every_kind(kind: str, policy: str) -> None:
    context = read_context(TEXTS[kind], kind)
    result = prune(QUESTION, context, scorer="lexical", policy=policy)
    assert result.kept
    again = read_context(TEXTS[kind], kind)
    assert result.output == again.render([unit.index for unit in result.kept])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_answer_stays_in_a_third_of_the_tokens(kind: str) -> None:
    context = read_context(TEXTS[kind], kind)
    whole = prune(QUESTION, context, scorer="lexical", policy=TokenBudget(10**6))
    assert whole.output == context.render(range(len(context.units)))
    budget = max(whole.tokens_before // 3, 16)
    result = prune(QUESTION, context, policy=TableBudget(budget))
    assert "paris" in str(result.output).lower()
    assert result.tokens_after <= budget


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_spans_are_the_source_s_own_text(kind: str) -> None:
    for unit in read_context(TEXTS[kind], kind).units:
        if unit.span is not None:
            start, end = unit.span
            assert 0 <= start < end <= len(TEXTS[kind])
            words = [word for word in unit.text.replace("|", " ").replace(",", " ").split() if word.isalnum()]
            assert all(word in TEXTS[kind][start:end] for word in words if kind not in {"json"})
