"""The tables of KV caches: one for README.md, the rest for docs/choose/which_press.md."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

from benchmarks.report._card import table

RESULTS = Path(__file__).resolve().parents[1] / "results"
SHARES = {0.5: "1/2", 0.75: "1/4", 0.875: "1/8"}
KEPT = {1.0: "1", 0.5: "1/2", 0.25: "1/4", 0.125: "1/8", 0.0: "none"}
RULER = {
    "needle": "needle",
    "key_value": "pairs",
    "multi_key": "keys",
    "multi_value": "values",
    "multi_query": "queries",
    "passages": "passages",
    "common_words": "words",
    "variables": "variables",
}
SHOWN = ("random", "streaming_llm", "keydiff", "lagkv", "snapkv", "adakv(snapkv)", "expected_attention", "kvzip")


def figures(name: str):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["figures"]


def cells() -> dict[tuple[str, float, str, str], dict]:
    """Rows of kv_presses by press, ratio, mode and storage."""
    return {(row["press"], row["ratio"], row["mode"], row["storage"]): row for row in figures("kv_presses")["rows"]}


def presses() -> list[str]:
    """Presses in the order of what they keep right without the question at a quarter of the bytes, best first."""
    found = cells()
    names = dict.fromkeys(name for name, *_ in found if name != "full")
    return sorted(names, key=lambda name: -found[name, 0.75, "blind", "plain"]["accuracy"])


def accuracy() -> str:
    return _accuracy(presses())


def short() -> str:
    return _accuracy([name for name in presses() if name in SHOWN])


def _accuracy(names: list[str]) -> str:
    found = cells()
    head = [
        "press",
        *(f"{share}, blind" for share in SHARES.values()),
        *(f"{share}, aware" for share in SHARES.values()),
    ]
    full = found["full", 0.0, "blind", "plain"]
    other = figures("kv_presses")["whole_of_costly"]
    rows = [["whole cache", f"{full['accuracy']} ({other['accuracy']} ¹)", *[""] * (2 * len(SHARES) - 1)]]
    for name in names:
        modes = [(name, ratio, mode, "plain") for mode in ("blind", "aware") for ratio in SHARES]
        rows.append([_name(name), *(found[key]["accuracy"] if key in found else "same" for key in modes)])
    return table(head, rows)


def _name(press: str) -> str:
    return f"`{press}`{' ¹' if press in figures('kv_presses')['costly'] else ''}"


def tasks() -> str:
    """Needle and pairs apart, at a quarter."""
    found = cells()
    head = ["press", "needle, blind", "pairs, blind", "needle, aware", "pairs, aware", "bytes", "samples"]
    full = found["full", 0.0, "blind", "plain"]
    rows = [["whole cache", full["needle"], full["key_value"], "", "", full["bytes_ratio"], full["samples"]]]
    for name in presses():
        blind, aware = found[name, 0.75, "blind", "plain"], found.get((name, 0.75, "aware", "plain"))
        shown = [row[task] if row else "same" for row in (blind, aware) for task in ("needle", "key_value")]
        rows.append([_name(name), *shown, blind["bytes_ratio"], blind["samples"]])
    return table(head, rows)


def quantised() -> str:
    """At equal bytes: more tokens in fewer bits against fewer tokens in full."""
    found = cells()
    names = [name for name in presses() if (name, 0.875, "blind", "kivi4") in found]
    columns = [(0.75, "plain"), (0.75, "kivi4"), (0.875, "plain"), (0.875, "kivi4"), (0.875, "kivi2")]
    said = {"plain": "alone", "kivi4": "4 bit", "kivi2": "2 bit"}
    rows = []
    for mode in ("blind", "aware"):
        for name in names:
            row = [found.get((name, ratio, mode, storage)) for ratio, storage in columns]
            if all(row):
                rows.append([_name(name), mode, *(f"{each['accuracy']} ± {each['deviation']}" for each in row)])
    return table(["press", "question", *(f"{SHARES[ratio]}, {said[storage]}" for ratio, storage in columns)], rows)


def perplexity() -> str:
    found = cells()
    rows = [["whole cache", found["full", 0.0, "blind", "plain"]["perplexity"], "", ""]]
    rows += [
        [f"`{name}`", *(found[name, ratio, "blind", "plain"]["perplexity"] for ratio in SHARES)]
        for name in sorted(presses(), key=lambda name: found[name, 0.75, "blind", "plain"]["perplexity"])
    ]
    return table(["press", *SHARES.values()], rows)


def cost() -> str:
    found = figures("kv_cost")
    theirs = found.get("kvpress", {"press_ms": {}, "prefill_ms": 1})
    rows = []
    for row in sorted(found["rows"], key=lambda row: row["share"]):
        peer = theirs["press_ms"].get(row["press"])
        shown = "" if peer is None else f"{100 * peer / theirs['prefill_ms']:.1f}"
        rows.append([f"`{row['press']}`", row["press_ms"], f"{100 * row['share']:.1f}", shown])
    return table(["press", "ms", "% of reading", "kvpress, % of reading"], rows)


def decoding() -> str:
    """Milliseconds of a token behind caches of different sizes, and as a share of that behind the whole cache."""
    rows = []
    for row in figures("kv_cost")["decoding"]:
        kept = KEPT.get(row["kept"]) or f"{row['kept']:.2f}"
        stored = {"plain": "as they are", "none": ""}.get(row["storage"], row["storage"])
        rows.append([kept, stored, f"{row['bytes'] / 1e6:.1f}", row["token_ms"], f"{row['of_whole']:.2f}"])
    return table(["tokens kept", "stored", "MB", "ms a token", "of the whole cache's"], rows)


def budgets() -> str:
    """Perplexity and most bytes of caches that are pressed while tokens are read."""
    found = figures("kv_decoding")
    rows, whole = [], found["rows"][0]
    for row in found["rows"]:
        ceiling = {"none": "", "tokens": f"{found['budget']} tokens", "bytes": f"{found['budget_bytes'] / 1e6:.1f} MB"}
        more = "" if row is whole else _percent_more(row["perplexity"], whole["perplexity"])
        each = ["" if row is whole else _percent_more(row["by_text"][text], whole["by_text"][text])
                for text in found["texts"]]  # fmt: skip
        name = row["press"] if row is whole else f"`{row['press']}`"
        stored = {"plain": "as they are"}.get(row["storage"], row["storage"])
        held = f"{row['most_bytes'] / 1e6:.2f}", round(row["most_tokens"])
        rows.append([name, stored, ceiling[row["budget"]], row["perplexity"], more, *each, *held])
    head = ["press", "stored", "budget", "perplexity", "% more", *found["texts"], "most MB", "most tokens"]
    return table(head, rows)


def _percent_more(value: float, than: float) -> str:
    return f"{100 * (value / than - 1):+.1f}"


def chunked() -> str:
    """The peak of a prefill that is pressed between chunks."""
    found = figures("kv_decoding")["chunked"]
    row = [f"{found['tokens']:,}", found["chunk"], f"`{found['press']}`", found["peak_ratio"], found["end_ratio"]]
    return table(["tokens", "chunk", "press", "peak, of the whole cache", "at the end"], [row])


def ruler() -> str:
    """Right answers by task at a quarter of the bytes, with the question, in percent."""
    found = figures("kv_ruler")
    rows = []
    for row in found["rows"]:
        whole, by_task = row["press"] == "whole", [row["by_task"].get(task, "") for task in RULER]
        if whole:
            numbers = [row["samples"].get(task, "") for task in RULER]
            rows.append([f"{row['tokens']:,}", "(questions)", *numbers, "", "", ""])
        if row["press"] == found["proposed"]:
            continue  # a trial that is not in the package
        name = "whole cache" if whole else f"`{row['press']}`{' in 4 bits' if row['storage'] == 'kivi4' else ''}"
        share = "" if whole else row["of_whole"]
        rows.append([f"{row['tokens']:,}", name, *by_task, row["mean"], share, sum(row["samples"].values())])
    return table(["tokens", "press", *RULER.values(), "mean", "% of whole", "questions"], rows)


def reuse() -> str:
    found = figures("kv_reuse")
    rows = [["read whole", 100.0, "", "", found["full_right_percent"]]]
    for name, row in found["joined"].items():
        lead, _, share = name.partition(" ")
        if lead == "lead":
            shown = [row["of_prefill_percent"], row["kl"], row["top1_percent"], row["right_percent"]]
            rows.append([f"joined, {float(share):.0%} recomputed", *shown])
    return table(["passages", "% of reading time", "KL", "same next token %", "right %"], rows)


def equal_bytes() -> str:
    names = {"cache": "cache pruned", "text": "text pruned", "both": "text, then cache", "joined": "joined, then cache"}
    found = figures("kv_reuse")["equal_bytes"]
    rows = [[share, *(row[name]["right_percent"] for name in names)] for share, row in found.items()]
    return table(["bytes", *names.values()], rows)


def drafts() -> str:
    found = figures("kv_drafts")
    kinds = {"sentence": "answer in a sentence", "quote": "quote a passage", "row": "copy a table row"}
    rows = [
        [said, *(found[side]["steps_saved_percent_by_kind"][kind] for side in ("drafts", "lookup"))]
        for kind, said in kinds.items()
    ]
    rows.append(["all", *(found[side]["steps_saved_percent"] for side in ("drafts", "lookup"))])
    return table(["task", "drafts from passages", "prompt lookup of transformers"], rows)


def draft_trees() -> str:
    """Steps that longer drafts and trees of drafts would save, played on recorded answers."""
    played = figures("draft_trees")["played"]["held_out"]
    names = {
        "chain": "one draft, `least=4` (the default)",
        "chain_of_16_or_more": "one draft, `least=16`",
        "chain_of_40_or_more": "one draft, `least=40`",
        "one_path": "one draft of full length",
        "tree": "tree of three drafts",
        "bound": "any tree",
    }
    rows = [[said, played[key]["saved"], played[key]["read"]] for key, said in names.items()]
    return table(["drafts", "steps saved %", "tokens read a step"], rows)


def learned() -> str:
    """Gates on wikitext2: perplexity against the share of the context held."""
    names = {"full": "whole, tuned without gates", "gates": "gates", "window": "window of the last tokens"}
    names |= {"random": "random", "window, tuned": "window, tuned for it"}
    rows = [
        [names[row["method"]], f"{100 * row['held']:.1f}", row["perplexity"]]
        for row in figures("kv_learned")["rows"]
        if row["method"] in names
    ]
    return table(["context", "held %", "perplexity"], rows)


def recalled() -> str:
    """Gates on a text that asks for what it said: mean over seeds."""
    rows = figures("kv_learned")["recall"]
    shown = []
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        right = [f"{100 * row['accuracy']:.1f}" for row in own]
        shown.append([method, f"{100 * fmean(row['held'] for row in own):.1f}", ", ".join(right)])
    return table(["context", "held %", "right %, by seed"], shown)


TABLES = {
    "kv_learned": learned,
    "kv_recalled": recalled,
    "kv_accuracy": accuracy,
    "kv_tasks": tasks,
    "kv_quantised": quantised,
    "kv_perplexity": perplexity,
    "kv_cost": cost,
    "kv_decoding": decoding,
    "kv_budgets": budgets,
    "kv_chunked": chunked,
    "kv_ruler": ruler,
    "kv_reuse": reuse,
    "kv_equal_bytes": equal_bytes,
    "kv_drafts": drafts,
    "kv_draft_trees": draft_trees,
}
