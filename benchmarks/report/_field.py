"""The table of field.json: evidence kept at 10 % of the tokens of whole documents, by kind of document."""

from __future__ import annotations

from benchmarks.report._card import read, table

SHARE = "10"  # percent of the tokens
LABELS = {
    "default": "default",
    "lexical": "--scorer lexical",
    "bm25s": "bm25s, whole rows",
    "first": "first units",
}
SETS = {"field": "shared", "own": "own"}


def field_table() -> str:
    rows = []
    for name, found in read("field")["figures"].items():
        for group, count in found["items"].items():
            kept = (found["evidence_kept"][method][group][SHARE] for method in LABELS)
            gain = found["difference"][group][SHARE]
            interval = f"{gain['mean']:+.1f} ({gain['low']:+.1f} to {gain['high']:+.1f})"
            rows.append([f"{SETS[name]}, {group}", count, *kept, interval])
    return table(["documents", "questions", *LABELS.values(), "default - lexical"], rows)
