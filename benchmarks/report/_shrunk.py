"""Tables of the README on shrinking: recipes on the unshrunk pruner, and the bundled one beside it."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks.common.rivals import RIVALS, chosen_ways
from benchmarks.report._card import read, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HALF = "latency=0.5"
OFF = 0.05  # of a target: more is said
BEST = 3  # recipes of a target that are shown
WANTED = {"speed": "5 times, under 80 ms", "bytes": "1/6", "recall": "1.5 points lost", "ndcg": "1.5 points lost"}


def frontier() -> str:
    """The best recipes of each target with the rivals, and who did no better than these."""
    found = read("shrink_frontier")["figures"]
    whole, measured = found["unshrunk"], [row for row in found["rows"] if "recall" in row]
    shown = [_line("", "unshrunk", whole, whole)]
    targets = sorted({row["keep"] for row in found["rows"]}, reverse=True)
    for keep in targets:
        here = sorted((row for row in measured if row["keep"] == keep), key=lambda row: -row["recall"]["mean"])
        tried = [row for row in here if row["recipe"] not in RIVALS]
        rivals = [row for row in here if row["recipe"] in RIVALS]
        shown += [_line(_share(keep), _named(row["recipe"]), row, whole) for row in (*tried[:BEST], *rivals)]
    shown += [_line("", f"{name}, distilled", row, whole) for name, row in found.get("finished", {}).items()]
    head = ["multiply-adds left", "recipe", "evidence recall %", "lost", "times as fast as float32", "MB"]
    names = {row["recipe"] for row in found["rows"]} - set(RIVALS)
    asked = f"{found['items_of_a_set']} questions of each of {len(whole['recall']) - 1} sets"
    return table(head, shown) + (
        f"\nThe best {BEST} of {len(names)} recipes at each target. {found['steps']} steps of recovery each; int8;"
        f" processor time of ten windows of 213 tokens; 30 % of the characters kept; {asked}, so that small differences"
        f" may be chance.\n{_lost(found, targets)}"
    )


def _line(target: str, name: str, row: Mapping[str, Any], whole: Mapping[str, Any]) -> list[object]:
    recall = row["recall"]["mean"]
    lost = "" if row is whole else f"{whole['recall']['mean'] - recall:.1f}"
    fast = f"{row['speed_against_float32']:.1f}"
    return [target, name, f"{recall:.1f}", lost, fast, f"{row['bytes'] / 1e6:.1f}"]


def _lost(found: Mapping[str, Any], targets: Sequence[float]) -> str:
    """A line for each rival, and one for what did not fit a target."""
    beaten = {
        f"No better than {said}": {keep: found["lost_to"].get(f"{rival} at {keep}", []) for keep in targets}
        for rival, said in RIVALS.items()
    }
    beaten["Out of reach"] = {
        keep: [row["recipe"] for row in found["rows"] if row["keep"] == keep and "error" in row] for keep in targets
    }
    lines = []
    for said, by_target in beaten.items():
        parts = [f"at {_share(keep)} {', '.join(map(_named, own))}" for keep, own in by_target.items() if own]
        if parts or said.startswith("No"):
            lines.append(f"{said}: {'; '.join(parts) or 'none'}.\n")
    return "\n" + "\n".join(lines)


def _named(recipe: str) -> str:
    return RIVALS.get(recipe, f"`{recipe}`")


def _share(keep: float) -> str:
    return f"{100 * keep:.0f} %"


def smaller() -> str:
    """The bundled pruner beside the unshrunk one: its float32 graph, and what was recorded of its recall."""
    found, own, whole = (read(name)["figures"] for name in ("shrunk_pruner", "passages", "passages_unshrunk"))
    size = found["bytes"]
    cpu = {name: entry["cpu"] for name, entry in found["ms"].items()}
    recalls = whole["mean_evidence_recall"]["pruner.v1, float32"]["30"], own["mean_evidence_recall"]["pruner.v1"]["30"]
    ranked = whole["scifact_rerank"]["ndcg@10"], own["scifact_rerank"]["ndcg@10"]
    passages = f"{found['passages']} passages of {found['tokens_a_passage']} tokens"
    rows = [
        ["speed", f"ms for {passages}, one thread", *(f"{cpu[name]:.0f}" for name in ("float32", "bundled"))],
        ["bytes", "MB", *(f"{size[name] / 1e6:.1f}" for name in ("float32", "bundled"))],
        ["recall", "evidence recall at 30 %, mean of ten sets", *(f"{value:.1f}" for value in recalls)],
        ["ndcg", "SciFact reranked, nDCG@10 (unshrunk: int8)", *(f"{value:.1f}" for value in ranked)],
    ]
    rows[0].append(f"{found['times_as_fast']['bundled']:.1f} times as fast")
    rows[1].append(f"1/{found['part_of_bytes']['bundled']:.1f} of it")
    for row, (before, after) in zip(rows[2:], (recalls, ranked), strict=True):
        row.append(f"{before - after:.1f} points lost" if after <= before else f"{after - before:.1f} points gained")
    head = ["", "unshrunk, float32", "bundled, int8", "", "wanted"]
    return table(head, [[*shown, WANTED[key]] for key, *shown in rows])


def reranker() -> str:
    """Each recipe on the cross-encoder at half its time, without training and with the recovery that dev prefers."""
    found = read("shrink_reranker")["figures"]
    runs: dict[str, dict[tuple[Any, ...], list[Mapping[str, Any]]]] = {}
    for row in found["rows"]:
        if row["status"] == "done" and row["target"] == HALF:
            way = row["steps"], row["calibration"], row.get("rate"), row.get("objective")
            runs.setdefault(row["recipe"], {}).setdefault(way, []).append(row)
    lines, chosen = [], chosen_ways(found["rows"])
    for name, ways in runs.items():
        bare = [rows for way, rows in ways.items() if not way[0]]
        trained = [rows for way, rows in ways.items() if way[0]]
        # the choice is made on the dev part, for the least of many losses is too low
        least, best = (min(own, key=lambda rows: _mean(rows, "dev"), default=[]) for own in (bare, trained))
        shown = chosen[name, HALF]
        lines.append((_mean(shown, "loss"), [
            _named(name), _loss(least), _loss(best), best[0]["steps"] if best else "",
            f"{_mean(best or least, 'minutes'):.1f}", f"{100 * _mean(shown, 'time_left'):.0f} %",
            f"{_mean(shown, 'bytes') / 1e6:.0f}",
            "yes" if all(row["plain"] for row in shown) else "no",
        ]))  # fmt: skip
    head = ["recipe", "lost, nothing trained", "lost after recovery", "steps", "minutes", "time left", "MB"]
    full, sets = found["full"], found["questions"]
    count = sum(number for name, number in sets.items() if name != "dev")
    return table([*head, "plain transformers"], [line for _, line in sorted(lines, key=lambda entry: entry[0])]) + (
        f"\nPoints of nDCG@10, mean over {len(full['ndcg']) - 1} sets ({count} questions), of one seed with the 95 %"
        f" interval of a paired bootstrap over questions, of three as mean and worst. The full model has"
        f" {full['ndcg']['mean']:.1f}, takes {full['ms']:.0f} ms for 10 pairs of 200 tokens and has"
        f" {full['bytes'] / 1e6:.0f} MB. Minutes of processor time, one thread of a shared machine, with the"
        f" recovery where there is one.\n"
    )


def targets() -> str:
    """What each recipe loses at each share of the time that it was measured at, most of the time first."""
    found = read("shrink_reranker")["figures"]
    chosen = chosen_ways(found["rows"])
    shares = sorted({target for _, target in chosen}, key=_keep, reverse=True)
    several = [
        name for name in dict.fromkeys(name for name, _ in chosen) if sum((name, at) in chosen for at in shares) > 1
    ]
    lines = []
    for name in several:
        cells = [_cell(chosen.get((name, at), []), _keep(at)) for at in shares]
        half = chosen.get((name, HALF), [])
        lines.append((_mean(half, "loss") if half else 100.0, [_named(name), *cells]))
    head = ["recipe", *(f"{_share(_keep(at))} of the time" for at in shares)]
    return table(head, [line for _, line in sorted(lines, key=lambda entry: entry[0])]) + (
        "\nPoints of nDCG@10 lost, as in that table; in brackets steps of recovery, and the share of the time"
        " that is left where whole layers come no nearer to the target.\n"
    )


def _keep(target: str) -> float:
    return float(target.partition("=")[2])


def _cell(rows: Sequence[Mapping[str, Any]], keep: float) -> str:
    if not rows:
        return ""
    notes = [f"{rows[0]['steps']} steps"] if rows[0]["steps"] else []
    left = _mean(rows, "time_left")
    notes += [f"{_share(left)} left"] if abs(left / keep - 1) > OFF else []
    return _loss(rows) + (f" [{', '.join(notes)}]" if notes else "")


def _loss(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    low, high = rows[0]["interval"]
    spread = f"worst {max(row['loss'] for row in rows):.1f}" if len(rows) > 1 else f"{low:.1f} to {high:.1f}"
    return f"{_mean(rows, 'loss'):.1f} ({spread})"


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    return fmean(row[name] for row in rows)


TABLES = {"shrink_frontier": frontier, "shrink_reranker": reranker, "shrunk_pruner": smaller}
PAGE_TABLES = {"shrink_targets": targets}
"""Of docs/tasks/shrink.md."""
