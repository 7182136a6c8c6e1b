"""The two baselines that a recipe has to beat, and which recipes did not."""

from __future__ import annotations

RIVALS = {"random": "random removal", "distilled_scratch": "training from scratch"}


def lost(rows) -> dict[str, list[str]]:
    """By target which recipes did no better than random removal, and which no better than training from scratch."""
    found: dict[str, list[str]] = {}
    for keep in sorted({row["keep"] for row in rows}, reverse=True):
        here = {row["recipe"]: row["recall"]["mean"] for row in rows if row["keep"] == keep and "recall" in row}
        for rival in RIVALS:
            if rival in here:
                worse = [name for name, value in here.items() if name != rival and value <= here[rival]]
                found[f"{rival} at {keep}"] = sorted(worse)
    return found
