"""docs/operate/tracing.md: its Python runs, and the spans and attributes that it names are those that are made."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from recorded_spans import Spans

from ctxprune import prune
from ctxprune.sql import Database, Pipeline

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "operate" / "tracing.md").read_text(encoding="utf-8")
_, SPANS, LANGCHAIN = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def run(code: str, folder: Path) -> str:
    (folder / "page.py").write_text(code, encoding="utf-8")
    words = [sys.executable, "page.py"]
    return subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True, timeout=200).stdout


def test_the_spans_are_printed(shop: Path) -> None:
    pytest.importorskip("opentelemetry.sdk.trace")
    shown = run(SPANS, shop.parent)
    for name in ("ctxprune.prune {", "ctxprune.ask {", "ctxprune.ask.candidate {", "SELECT city {"):
        assert f"\n{name}" in f"\n{shown}"
    assert "Brazil" not in shown
    assert "1933" not in shown


def test_the_langchain_block_prunes(tmp_path: Path) -> None:
    pytest.importorskip("langchain_core")
    assert run(LANGCHAIN, tmp_path) == "It opened in 1933.\n"


def test_the_table_names_what_there_is(shop: Path, spans: Spans) -> None:
    prune(
        "When did it open?", ["The bridge is long. It opened in 1933.", "Cats sleep."], scorer="lexical.v1", budget=10
    )
    with Database(shop) as database:
        Pipeline(database).ask("How many cities are in Brazil?")
    named = set(re.findall(r"`((?:ctxprune|db|gen_ai)\.[\w.]+|error\.type)`", PAGE))
    for span in spans.all():
        step = re.sub(r"^ctxprune\.ask\.(?!candidate).*", "ctxprune.ask", span.name)
        step = re.sub(r"^ctxprune\.prune\.(split|select|render)$", "ctxprune.prune.count", step)
        assert step in named or span.kind.name == "CLIENT"
        if span.name in {"ctxprune.prune", "ctxprune.prune.choose", "ctxprune.prune.count"}:
            assert set(span.attributes) <= named
    missing = named - {name for span in spans.all() for name in (span.name, *span.attributes)}
    # What only comes with a chat model, a large batch, a failure, a refusal or content.
    assert {name for name in missing if not name.startswith("gen_ai.")} <= {
        "ctxprune.ask.STEP", "ctxprune.cost", "ctxprune.error.code", "ctxprune.evidence", "ctxprune.query",
        "ctxprune.question", "ctxprune.refusal", "ctxprune.repairs", "ctxprune.seconds.STEP", "ctxprune.sql",
        "error.type",
    }  # fmt: skip
