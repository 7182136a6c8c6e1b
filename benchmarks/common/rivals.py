"""The two baselines that a recipe has to beat, which recipes did not, and by which way of a recipe it is judged."""

from __future__ import annotations

from statistics import fmean

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


def chosen_ways(rows) -> dict[tuple[str, str], list]:
    """By recipe and target the rows of one way (calibration, recovery): most seeds first, then least lost on dev."""
    ways: dict[tuple[str, str], dict[tuple, list]] = {}
    for row in rows:
        if row["status"] == "done":
            way = row["steps"], row["calibration"], row["pool"], row.get("rate"), row.get("objective")
            ways.setdefault((row["recipe"], row["target"]), {}).setdefault(way, []).append(row)
    return {
        key: min(own.values(), key=lambda seeds: (-len(seeds), fmean(row["dev"] for row in seeds)))
        for key, own in ways.items()
    }
