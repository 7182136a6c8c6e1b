"""Reference queries of public data sets are not refused, in any dialect, whether or not columns may be hidden."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest


@pytest.mark.data
def test_reference_queries_are_not_refused(shared: Path) -> None:
    """The long form is benchmarks/stress/false_refusals.py."""
    script = importlib.import_module("benchmarks.stress.false_refusals")
    folder = shared / "data" / "nl2sql"
    schemas = script.read_schemas(folder)
    groups = ("mini-dev", "sql-eval")
    found = [query for query in script.reference_queries(folder, schemas) if query.sql and query.group in groups]
    assert len(found) > 1500
    counts, refusals = script.check_all(found[::5], schemas)
    assert not refusals, refusals[:5]
    assert len(counts) == 8
