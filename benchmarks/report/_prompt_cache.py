"""The table of prompt_cache.json: cost under three price lists, answers kept and recall, by strategy."""

from __future__ import annotations

from benchmarks.report._card import read, table

LABELS = {
    "none": "no pruning",
    "rewrite": "`stable=False`: cut anew for each question",
    "stable": "**stable**, `recall` called with the id",
    "stable, recall without id": "stable, `recall` called without one",
    "stable, append": 'stable, `recall="append"`',
    "clear": "LangChain's ClearToolUsesEdit",
    "clear, read again": "the same, cleared results read again",
    "trim": "LangChain's trim_messages",
    "trim, read again": "the same, trimmed results read again",
}
_PRICES = ("exact", "openai", "anthropic")


def prompt_cache_table() -> str:
    figures = read("prompt_cache")["figures"]
    rows = []
    for name, label in LABELS.items():
        row = figures["strategies"].get(name)
        if row is not None:
            cut = row["recalled"]["all"]
            back = f"{cut['had_back']} of {cut['cut']}" if cut["cut"] else ""
            costs = [f"{row['cost'][price]['ratio']:.2f}" for price in _PRICES]
            rows.append([label, *costs, row["prefix_kept"], row["answers_kept"], back, row["calls_a_run"]])
    head = ["", "cost", "OpenAI's rule", "Anthropic's rule", "calls that extend the last one %", "answers kept %"]
    return table([*head, "of what was cut, had back %", "model calls a run"], rows)


TABLES = {"prompt_cache": prompt_cache_table}
