"""What the guard lets through says nothing about hidden columns and tables, on four real engines.

Random statements over scopes and a list of attacks run on two databases that differ in hidden data only: the same rows,
or the same error. The long form is benchmarks/stress/guard_scopes.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from guard_fuzz import ENGINES, Fuzzer, Mutator, Pair, Tally, Writer, schema
from guard_fuzz.grammar import Statement
from servers import MissingServerError

from ctxprune.sql.guard import Guard

CASES = Path(__file__).parent / "guard_cases"
COUNT = 1000
SEED = 5

for library in ("duckdb", "psycopg", "pymysql"):
    pytest.importorskip(library)


@pytest.fixture(scope="module", params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Iterator[tuple[str, Pair]]:
    opened = ENGINES[request.param]()
    try:
        pair = opened.__enter__()
    except MissingServerError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
    yield request.param, pair
    opened.__exit__(None, None, None)


def attacks(dialect: str) -> list[str]:
    return (CASES / f"scopes_{dialect}.sql").read_text(encoding="utf-8").splitlines()


def told(tally: Tally) -> str:
    """The leaks, shortest first."""
    leaks = sorted(tally.leaks, key=lambda leak: len(leak.sql))
    return "\n".join(f"{leak.sql}\n  {leak.written}\n  {leak.answers[0]}\n  {leak.answers[1]}" for leak in leaks[:10])


def test_random_statements_tell_nothing(engine: tuple[str, Pair]) -> None:
    dialect, pair = engine
    tally = Fuzzer(dialect, pair).run(Writer(dialect, SEED), COUNT)
    assert not tally.leaks, told(tally)
    assert tally.generated == COUNT
    assert tally.executed >= 0.4 * COUNT, tally.reasons.most_common(20)  # or the search is blind


def test_attacks_tell_nothing(engine: tuple[str, Pair]) -> None:
    dialect, pair = engine
    tally, fuzzer = Tally(), Fuzzer(dialect, pair)
    for sql in attacks(dialect):
        fuzzer.check(Statement(sql, ()), tally)
    assert not tally.leaks, told(tally)
    assert tally.allowed >= 20


def test_attacks_with_other_names_tell_nothing(engine: tuple[str, Pair]) -> None:
    dialect, pair = engine
    tally = Fuzzer(dialect, pair).run(Mutator(dialect, SEED, attacks(dialect)), COUNT // 2)
    assert not tally.leaks, told(tally)
    assert tally.executed >= 0.06 * COUNT // 2


def test_the_attacks_would_tell_without_a_guard(engine: tuple[str, Pair]) -> None:
    dialect, pair = engine
    leaks = 0
    for sql in attacks(dialect):
        first, second = pair.ask(sql)
        leaks += "limit" not in (first[0], second[0]) and first != second
    assert leaks >= 25


def test_a_guard_without_a_schema_is_found_out(engine: tuple[str, Pair]) -> None:
    """The databases differ, and the grammar reaches the difference."""
    dialect, pair = engine
    fuzzer, tally = Fuzzer(dialect, pair), Tally()
    fuzzer.guard = Guard(dialect)
    writer = Writer(dialect, SEED)
    for number in range(COUNT):
        fuzzer.check(writer.statement(number), tally)
        if len(tally.leaks) == 5:
            return
    pytest.fail(f"only {len(tally.leaks)} leaks of {COUNT} statements without a schema")


def test_the_same_seed_writes_the_same_statements() -> None:
    for dialect in ENGINES:
        first, again, other = (Writer(dialect, seed) for seed in (1, 1, 2))
        assert [first.statement(n) for n in range(30)] == [again.statement(n) for n in (*range(30),)]
        assert first.statement(7) == again.statement(7) != other.statement(7)


def test_the_schema_leaves_out_what_is_hidden() -> None:
    for dialect in ENGINES:
        names = {column.name for table in schema(dialect).tables for column in table.columns}
        assert not names & {"ssn", "credit", "salary", "entry", "body"}
        assert "vault" not in schema(dialect)
