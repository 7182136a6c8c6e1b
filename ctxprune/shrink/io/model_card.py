"""The card of a shrunk model: what it was made from, how, how well it does, and under which licence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ctxprune.models.cards import Card

CARD = "README.md"
_OURS = "library_name: ctxprune"


def is_own_card(folder: Path) -> bool:
    """Whether a card can be written in a folder: there is none, or one that was written here."""
    path = folder / CARD
    return not path.exists() or _OURS in path.read_text(encoding="utf-8", errors="replace")


def render_card(name: str, kind: str, card: Card, report: Mapping[str, Any]) -> str:
    """The card as Markdown, with front matter as Hugging Face reads it.

    Of the run's report: `recipe`, `target`, `reached`, `quality`, `full_quality` and `data_sha256`, each if known.
    """
    head = ["---", f"license: {json.dumps(card.licence)}", f"base_model: {json.dumps(card.base)}", _OURS, "---"]
    made = f" with {report['recipe']}" if "recipe" in report else ""
    body = [f"# {name}", "", f"A {kind} shrunk from {card.source}{made}, by ctxprune.", ""]
    return "\n".join([*head, "", *body, *(f"- {label}: {text}" for label, text in _lines(card, report)), ""])


def _lines(card: Card, report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from (("base model", card.base), ("licence", card.licence))
    if "recipe" in report:
        yield "recipe", str(report["recipe"])
    if "target" in report:
        reached = f", reached {report['reached']:.4g} of the full model's" if "reached" in report else ""
        yield "target", f"{report['target']}{reached}"
    if "quality" in report:
        full = f", of the full model {report['full_quality']:.4f}" if "full_quality" in report else ""
        yield "quality on data held out", f"{report['quality']:.4f}{full}"
    if "data_sha256" in report:
        yield "sha256 of the data", str(report["data_sha256"])
