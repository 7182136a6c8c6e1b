"""What the guard spends grows like the text, up to a limit; past the limit it refuses.

Over a hundred shapes of statements, each at two sizes, in a process of its own; at four, and at up to 50 kB, in
`make test-slow` and benchmarks/stress/guard_costs.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import pytest
from guard_fuzz.costs import run
from guard_fuzz.shapes import SHAPES, write_shape

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the measurements need fork and /proc")

SECONDS, BYTES = 2.0, 200_000_000  # at 50 kB
LEAST = 0.01  # seconds below which growth is not judged
GROWTH = 2.5  # times as much for a character of the longest text as for one of a shorter


def faults(rows: Iterable[dict[str, Any]], seconds: float) -> list[str]:
    """What is too slow, too large or grows too fast."""
    found: list[str] = []
    by_shape: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_shape.setdefault(row["shape"], []).append(row)
    for shape, measured in by_shape.items():
        found += [
            f"{shape} of {row['length']} characters: {row['seconds']} s, {row['bytes']} bytes"
            for row in measured
            if row["seconds"] is None or row["seconds"] > seconds or row["bytes"] > BYTES
        ]
        found += growth(shape, [row for row in measured if row["seconds"] is not None])
    return found


def growth(shape: str, measured: list[dict[str, Any]]) -> list[str]:
    """The longest text against those of half of it or less; what takes no time at all is not judged."""
    last = measured[-1]
    if last["seconds"] < 4 * LEAST:
        return []
    rate = last["seconds"] / last["length"]
    return [
        f"{shape}: {last['length']} characters take {last['seconds']} s, {row['length']} take {row['seconds']} s"
        for row in measured
        if row["length"] <= last["length"] / 2
        and row["seconds"] >= LEAST
        and rate > GROWTH * row["seconds"] / row["length"]
    ]


def measure(shapes: Iterable[str], sizes: tuple[int, ...], seconds: float) -> list[dict[str, Any]]:
    """The fastest of up to three measurements: shapes with a fault are measured again, since other work on the machine
    may slow one of them.
    """
    rows = list(run(shapes, sizes))
    for _ in range(2):
        of_shape = {row["shape"]: [one for one in rows if one["shape"] == row["shape"]] for row in rows}
        if slow := [shape for shape, mine in of_shape.items() if faults(mine, seconds)]:
            rows = fastest(rows, run(slow, sizes))
    return rows


def fastest(rows: Iterable[dict[str, Any]], others: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each shape and size, the measurement that took the least time; one that a limit ended is the slowest."""
    found = {(row["shape"], row["size"]): row for row in rows}
    for row in others:
        before = found[row["shape"], row["size"]]["seconds"]
        if row["seconds"] is not None and (before is None or row["seconds"] < before):
            found[row["shape"], row["size"]] = row
    return list(found.values())


def test_short_statements_of_all_shapes() -> None:
    assert len(SHAPES) >= 60
    seconds = SECONDS / 2  # a tenth of the length, on a machine that may be busy
    # what grows like the square takes six times as much for a character of the longer text
    rows = measure(SHAPES, (600, 3600), seconds)
    assert len(rows) == 2 * len(SHAPES)
    assert not faults(rows, seconds)


@pytest.mark.long
def test_statements_of_all_shapes_at_four_sizes() -> None:
    assert not faults(measure(SHAPES, (600, 1200, 2400, 4800), SECONDS / 2), SECONDS / 2)


@pytest.mark.long
def test_long_statements_of_all_shapes() -> None:
    assert not faults(measure(SHAPES, (6000, 12_000, 25_000, 50_000), SECONDS), SECONDS)


def test_names_written_out_are_bounded() -> None:
    """334 characters of output names made of each other once took 74 s and 3.5 GB."""
    shapes = [name for name in SHAPES if name.startswith("aliases added")]
    rows = measure(shapes, (334,), 0.5)
    assert len(rows) == 4
    assert not faults(rows, 0.5)


def test_growth_and_limits_are_noticed() -> None:
    def row(length: int, seconds: float | None, size: int = 1000) -> dict[str, Any]:
        return {"shape": "x", "length": length, "seconds": seconds, "bytes": size}

    assert faults([row(1000, 0.1), row(2000, 0.21), row(4000, 0.4)], 1) == []
    assert len(faults([row(1000, 0.1), row(2000, 0.4), row(4000, 1.6)], 2)) == 1
    assert len(faults([row(1000, 3.0)], 2)) == 1
    assert len(faults([row(1000, 0.1), row(2000, None)], 2)) == 1
    assert len(faults([row(1000, 0.1, BYTES + 1)], 2)) == 1


def test_the_fastest_measurement_counts() -> None:
    def rows(*seconds: float | None) -> list[dict[str, Any]]:
        return [{"shape": "x", "size": size, "seconds": one} for size, one in enumerate(seconds)]

    assert fastest(rows(0.1, 0.4, None, None), rows(0.2, 0.3, 0.5, None)) == rows(0.1, 0.3, 0.5, None)
    assert fastest(rows(0.1, 0.4), []) == rows(0.1, 0.4)


def test_shapes_have_the_size_that_is_asked_for() -> None:
    for name in SHAPES:
        short, long = len(write_shape(name, 3000)), len(write_shape(name, 6000))
        assert 2700 <= short <= 3000, name
        assert 5700 <= long <= 6000, name
