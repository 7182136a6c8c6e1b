"""No schema takes longer than its limit allows, whatever its work consists of."""

from __future__ import annotations

import time
from typing import Any

import pytest

pytest.importorskip("jsonschema_rs")

from ctxprune.errors import UsageError
from ctxprune.rag.jsonschema import require_satisfiable, witness
from ctxprune.rag.jsonschema.failures import LimitError
from ctxprune.rag.jsonschema.work import Work

RANGES = "".join(f"[{chr(0x4E00 + place)}-{chr(0x5E00 - place)}]?" for place in range(100))
SLOW: dict[str, dict[str, Any]] = {
    "listed values": {
        "type": "array", "minItems": 300,
        "items": {"enum": [f"v{place}" for place in range(1500)],
                  "allOf": [{"not": {"const": f"v{place}"}} for place in range(45)]},
    },
    "alternatives": {
        "type": "integer",
        "oneOf": [{"oneOf": [{"minimum": one * 60 + other} for other in range(60)]} for one in range(60)],
    },
    "ranges of characters": {"type": "string", "pattern": RANGES, "not": {"pattern": "^.{0,3}"}},
    "patterns of names": {
        "type": "object", "required": [f"r{place}" for place in range(400)],
        "patternProperties": {f"^x{place}y": {"type": "integer"} for place in range(400)},
    },
    "items that few may satisfy": {
        "type": "array", "minItems": 300,
        "allOf": [{"contains": {"minimum": place}, "maxContains": 8 + place} for place in range(8)],
    },
    "items that differ": {
        "type": "array", "minItems": 900, "uniqueItems": True, "items": {"enum": [[place] for place in range(900)]},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SLOW)
def test_the_limit_bounds_all_work(name: str) -> None:
    start = time.process_time()
    found = witness(SLOW[name], limit=1000)
    assert time.process_time() - start < 3  # it was up to 40 seconds
    assert found.verdict in ("satisfiable", "unknown")
    assert found == witness(SLOW[name], limit=1000)  # the count is of steps, and not of time


def test_items_of_one_goal_are_decided_once() -> None:
    assert witness(SLOW["listed values"], limit=3000).verdict == "satisfiable"
    assert witness(SLOW["patterns of names"]).verdict == "satisfiable"


def test_the_clock_is_the_last_resort() -> None:
    found = witness(SLOW["alternatives"], limit=10**9, seconds=0.2)
    assert (found.verdict, found.reason) == ("unknown", "the time for the search is over")
    require_satisfiable(SLOW["alternatives"], limit=10**9, seconds=0.1)


def test_the_count() -> None:
    work = Work(2, 60)
    work.visit()
    work.step(100)
    with pytest.raises(LimitError, match="limit"):
        work.step()
    assert work.restart() >= 2
    work.visit(2)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "1", None])
def test_wrong_seconds(seconds: Any) -> None:
    with pytest.raises(UsageError, match="seconds"):
        witness({}, seconds=seconds)
