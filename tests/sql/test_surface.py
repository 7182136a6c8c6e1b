"""The public surface of ctxprune.sql: complete, sorted, and light to import."""

from __future__ import annotations

import subprocess
import sys

import ctxprune.sql

HEAVY = {
    "torch",
    "transformers",
    "sentence_transformers",
    "scipy",
    "langchain_core",
    "sqlalchemy",
    "sqlglot",
    "datasketch",
}


def test_every_exported_name_is_there_and_listed_once():
    assert ctxprune.sql.__all__ == sorted(set(ctxprune.sql.__all__))
    assert set(ctxprune.sql.__all__) <= set(dir(ctxprune.sql))
    for name in ctxprune.sql.__all__:
        assert getattr(ctxprune.sql, name) is not None


def test_importing_it_loads_nothing_heavy():
    code = f"import sys, ctxprune.sql, ctxprune.rag; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
