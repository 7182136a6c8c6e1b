"""Fills the figures of README.md, docs/, benchmarks/README.md and the pruner's model card from records.

They stand between `<!-- figures: NAME -->` and `<!-- end -->`.

    python benchmarks/report/readme.py            # rewrites them all
    python benchmarks/report/readme.py --check    # exit code 1 where it would change something

No figure is written into them by hand; tests/test_readme.py runs the check.
"""

from __future__ import annotations

import json
import re
import sys
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import _card, _field, _index, _kv, _prompt_cache, _readability, _sentences, _shrunk
from benchmarks.report._card import UNSHRUNK, table
from ctxprune.models.pruner import bundled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[2]
CARD = bundled() / "MODEL_CARD.md"
SETS = {
    "spider": "Spider dev",
    "spider_syn": "Spider-Syn dev",
    "spider_dk": "Spider-DK",
    "kaggledbqa": "KaggleDBQA",
    "bird_dev": "BIRD dev",
}
BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> int:
    code = 0
    for path, tables in PAGES:
        before = path.read_text(encoding="utf-8")
        after = filled(before, tables)
        if "--check" in sys.argv:
            code |= int(after != before)
        else:
            path.write_text(after, encoding="utf-8")
    return code


def filled(text: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """`text` with the tables and figures that its marks name."""
    text = BLOCK.sub(lambda mark: f"{mark[1]}{tables[mark[2]]()}{mark[3]}", text)
    return _sentences.fill(text, tables)


def figures(name: str):
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))["figures"]


def spider() -> str:
    found = figures("spider")
    names = ("items", "ex", "executable", "ms_per_question", "ms_p95")
    rows = [[SETS[key], *(found[key][name] for name in names)] for key in SETS if key in found and key != "bird_dev"]
    return table(["set", "items", "EX %", "executable %", "ms a question, p50", "p95"], rows)


CHAT_ROWS = {
    "plain": "0.5B model, whole schema in one prompt",
    "chat": "0.5B model in the pipeline",
    "chat + sketch": "0.5B model beside the generators without one",
}


def trust() -> str:
    sets = figures("trust")["sets"]
    rows = {
        "sql-eval": figures("sqleval"),
        "shop and hospital": figures("field_sql"),
        "bookshop and city hospital": figures("field_sql_2"),
        "garden centre and clinic, read by nobody": figures("field_sql_3"),
        "Spider dev": sets["spider"],
        "EHRSQL, empty database": sets["ehrsql"],
        **{f"sql-eval, {about}": figures("sqleval_chat")[row] for row, about in CHAT_ROWS.items()},
    }
    names = ("questions", "ex", "answered", "answered_right", "false_refusals", "unanswerable", "refused", "ece")
    head = ["set", "questions", "right %", "`answered` %", "right among them %", "refused %", "without an answer"]
    head += ["not `answered` of these %", "calibration error"]
    return table(head, [[name, *("" if row[key] is None else row[key] for key in names)] for name, row in rows.items()])


def conversations() -> str:
    names = ("turns", "question_match", "interactions", "interaction_match")
    rows = [[{"sparc": "SParC", "cosql": "CoSQL"}[key], *(row[name] for name in names)]
            for key, row in figures("conversations").items()]  # fmt: skip
    return table(["set", "turns", "right %", "conversations", "all turns right %"], rows)


def chat() -> str:
    names = ("ex", "executable", "calls", "tokens_in", "tokens_out")
    rows = []
    for key, row in figures("ablation")["rows"].items():
        change = row.get("against_pipeline")
        shown = f"{change['ex']:+.1f} ({change['low']:+.1f} to {change['high']:+.1f})" if change else ""
        rows.append([f"{key}: {row['about']}", row["ex"], shown, *(row[name] for name in names[1:])])
    head = ["", "EX %", "against the pipeline", "executable %", "calls", "prompt tokens", "answer tokens"]
    return table(head, rows)


def select() -> str:
    found = figures("select")
    titles = {"spider": "Spider dev", "bird_dev": "BIRD superhero"}
    names = ("items", "systems", "best_single", "majority", "any_correct")
    rows = []
    for key, title in titles.items():
        row = found[key]["ranked"]
        rows.append([title, *(row[name] for name in names), row["ex"], row["ex_sure"]])
    head = ["set", "questions", "systems", "best single %", "majority %", "any right %", "selected %", "sure %"]
    return table(head, rows)


def select_left_out() -> str:
    titles = {"spider": "Spider dev", "bird_dev": "BIRD superhero", "bird_mini_dev": "BIRD mini-dev, superhero"}
    rows = []
    for key, row in figures("select_left_out").items():
        name, _, draw = key.partition(", ")
        low, high = row["by_databases"]
        gain = f"{row['gain']:+.2f} ({low:+.1f} to {high:+.1f})"
        # Of several databases: one alone may make most of the gain.
        others = sorted(row["databases"].values(), key=lambda one: one["gain"])[:-1]
        count = sum(one["questions"] for one in others)
        rest = f"{sum(one['gain'] * one['questions'] for one in others) / count:+.2f}" if others else ""
        rows.append([titles[name], draw, row["majority"], row["ranked"], gain, rest, row["won"], row["lost"]])
    head = ["set", "candidates of", "majority %", "selected %", "gain", "without its best database", "won %", "lost %"]
    return table(head, rows)


def values() -> str:
    found = figures("values_recall")
    titles = {
        "spider dev": "Spider dev",
        "spider_syn dev": "Spider-Syn dev",
        "spider_dk dev": "Spider-DK",
        "kaggledbqa dev": "KaggleDBQA",
        "bird_dev dev": "BIRD superhero, with evidence",
        "bird_dev dev, no evidence": "BIRD superhero, question alone",
    }
    rows = []
    for key, title in titles.items():
        row = found[key]
        exact = row["baseline_exact_folded_span"]["recall"]
        rows.append([title, row["stored"], row["recall"], f"{row['values_per_question']:.1f}", exact])
    return table(["set", "stored literals", "found %", "values a question", "exact folded spans find %"], rows)


def passages() -> str:
    found = figures("passages")
    rows = []
    for key, title in SCORERS.items():
        if key in found["mean_evidence_recall"]:
            recall = found["mean_evidence_recall"][key]
            hops = found["sets"]["hotpotqa"][key]
            kept = f"{hops['all_evidence']['20']} / {hops['answer_retention']['20']}"
            rows.append([title, *(recall[share] for share in ("10", "30", "50")), kept])
    head = ["scorer", "10 % kept", "30 %", "50 %", "HotpotQA at 20 %: all evidence / answers"]
    return table(head, rows)


def linking() -> str:
    found = figures("linking")
    rows = []
    for key, title in SETS.items():
        for name, label in LINKERS.items():
            if name in found[key]:
                row = found[key][name]
                rows.append([title, label, row["items"], row["strict_recall"], row["column_recall"], row["kept_share"]])
    return table(["set", "linker", "questions", "strict recall %", "column recall %", "kept %"], rows)


def pooled() -> str:
    found = figures("linking_pooled")
    sets = {
        "crush4sql, question and evidence": "BIRD dev, 798 columns of 11 databases, with evidence",
        "spider, question": "Spider dev, 452 tables of 85 databases",
    }
    rows = []
    for key, title in sets.items():
        for name in ("char TF-IDF", "BM25", "pool"):
            row = found[key][name]
            pairs = [f"{row['recall_at'][k]} / {row['strict_at'][k]}" for k in ("20", "50")]
            rows.append([title, name, *pairs, row["tables_at"]["10"]])
    return table(["pool", "ranker", "columns / strict @20", "@50", "all tables @10"], rows)


def scale() -> str:
    titles = {"cascade.v1": "the bundled model", "lexical.v1": "lexical: BM25"}
    rows = []
    for key, title in titles.items():
        found = figures("ray_prune")["scorers"][key]
        hours, sizes = found["core_hours_a_million"], found["megabytes_a_million"]
        terabytes = [f"{sizes[name] / 100:.1f}" for name in ("source", "target", "target, spans and tokens alone")]
        cores = ceil(hours * 10_000 / (7 * 24))
        rows.append(
            [title, found["cpu_ms_a_passage"], hours, f"{hours * 10_000:,.0f}", cores, *terabytes, found["ratio"]]
        )
    head = ["scorer", "CPU ms a passage", "core-hours a million", "10 billion: core-hours", "cores for a week"]
    return table([*head, "TB read", "TB written", "TB without texts", "2 workers against 1 process"], rows)


def html() -> str:
    found = figures("html")
    pages, text = found["wtq_html"], found["main_text"]["together"]
    sample = pages["sample"]
    titles = {
        "page.v1": "**page**, Markdown",
        "page.v1, html": "the same, HTML",
        "page.v1, rows alone": "rows alone",
        "titled.v1": "titled: BM25",
        "htmlrag": "htmlrag, BM25",
    }
    speeds = pages["speed"]["ms_per_page"]
    rows = [[titles[key], *sample[key]["answer_retention"].values(), speeds.get(key, "")] for key in titles]
    unseen = figures("page_weights")["unseen"]["answer_retention"]
    others = ", ".join(f"{name} {row['token_f1']}" for name, row in text.items() if name.startswith("trafilatura"))
    elements = found["websrc_sample"]["markdown"]["elements_kept"]["20"]
    whole, main, around = pages["page.v1"], text["ctxprune"], figures("html_around")["articles"]
    return table([f"{sample['page.v1']['items']} questions", "5 %", "10 %", "20 %", "ms a page"], rows) + (
        f"\nAll {whole['items']} questions: {shown(whole['answer_retention'])}; with weights that have seen none of the"
        f" pages: {shown(unseen)} (`benchmarks/training/page_weights.py`). WebSRC elements left at 20 %: {elements} %."
        f" Main text, F1 of words on {main['items']} news pages: {main['token_f1']}, what it and trafilatura agree on"
        f" {text['agreed']['token_f1']}; {others}"
        " (`benchmarks/quality/html_pages.py`). Of the words of these articles"
        f" {around['article_words_around']} % stand in what is taken for menus, footers, comments and cookie banners,"
        f" of all other words {around['other_words_around']} % (`benchmarks/quality/html_around.py`).\n"
    )


def shown(shares: Mapping[str, float]) -> str:
    return " / ".join(f"{value:.1f}" for value in shares.values())


def tables() -> str:
    found = {(row["set"], row["scorer"]): row["cell_recall"] or row["answer_retention"] for row in figures("tables")}
    sets = {"fetaqa": "FeTaQA", "wikitablequestions": "WikiTableQuestions", "tatqa": "TAT-QA"}
    ways = {
        "tabular.v1": "**tabular**",
        "lexical.v1": "BM25 on rows and columns",
        "lexical_rows": "BM25 on rows, all columns",
        "columns_by_overlap": "columns by overlap",
        "random": "random",
    }
    cells = [(name, share) for name in sets for share in ("25", "50")]
    rows = [[label, *(found[name, way][share] for name, share in cells)] for way, label in ways.items()]
    large = list(figures("tables_large").values())
    kept, planted = (sum(part[name] for part in large) for name in ("kept", "questions"))
    return table(["", *(f"{sets[name]}, {share} %" for name, share in cells)], rows) + (
        f"\n{kept} of {planted} planted rows are found in files of {max(part['rows'] for part in large):,} rows, "
        f"within {max(part['peak_mib_most'] for part in large):.0f} MiB (`benchmarks/speed/tables_large.py`).\n"
    )


def dedup() -> str:
    rows = []
    for key, row in figures("dedup").items():
        ours, theirs = (
            [f"{found[name]:.1f}" for name in ("found_percent", "false_merges_percent")] + [found["texts_per_second"]]
            for found in (row["ctxprune"], row["datasketch"])
        )
        rows.append([key.replace("_", " "), row["ctxprune"]["texts"], row["ctxprune"]["planted"], *ours, *theirs])
    head = ["texts", "number", "planted", "found %", "false merges %", "texts a second"]
    scale = figures("dedup_scale")
    return table([*head, "datasketch: found %", "false merges %", "texts a second"], rows) + (
        f"\n{scale['passages']:,} passages take {scale['seconds']:.0f} seconds on one core and "
        f"{scale['peak_megabytes']:,} MB (`benchmarks/speed/dedup_scale.py`).\n"
    )


def tools() -> str:
    found = figures("tools")
    rows = [
        [TOOL_SCORERS[name], *(row["kept"][cut] for cut in ("1", "5", "10", "20")), row["ms_per_question"]]
        for name, row in found["report"].items()
        if name in TOOL_SCORERS
    ]
    aws, azure = (
        f"{part['names.v1']['kept']['10']} and {part['bm25s']['kept']['10']}"
        for part in (found["report, aws"], found["report, azure"])
    )
    best, each = found["report"]["names.v1"], found["report, aws"]["names.v1"]["items"]
    return table(["scorer", "needed tool is the best %", "among 5", "among 10", "among 20", "ms"], rows) + (
        f"\n{best['items']} questions. On {each:,} of each kind names and bm25s keep: AWS {aws}, Azure {azure}.\n"
        f"200 tools are {best['tokens_before']:,} tokens of JSON, the ten that are kept {best['tokens_after']:,}.\n"
    )


TOOL_SCORERS = {
    "names.v1": "**names: BM25 by field, meaning, name, verb**",
    "fusion.v1": "fusion: words and pieces of words",
    "lexical.v1": "lexical: BM25",
    "bm25s": "bm25s",
    "random": "random",
}
LINKERS = {
    "baseline: char TF-IDF@10 + keys": "TF-IDF@10 + keys",
    "ranked.v1": "ranked",
    "presql.v1, RSL-SQL.gpt-4o.step1": "presql, SQL of GPT-4o",
    "presql.v1, Artessay.Base.Qwen.Qwen2.5-Coder-7B-Instruct.VanillaLinker": "presql, SQL of a 7B model",
}
SCORERS = {
    "mixture.v1": "**mixture, the default**",
    "pruner.v1": "pruner: the bundled model, and BM25",
    "pruner.v1, float32": "the same in float32, not shipped",
    UNSHRUNK: "what it was made of, 6 layers of 12 heads, int8, not shipped",
    "MiniLM cosine": "cosine of all-MiniLM-L6-v2, with title",
    "titled.v1": "titled: BM25 with title",
    "lexical.v1": "lexical: BM25",
    "bm25s": "bm25s",
    "headroom TextCrusher": "headroom's TextCrusher",
    "first sentences": "first sentences",
    "random": "random",
    "oracle": "best possible",
}


def follow_up() -> str:
    rows = []
    for name, title in (("spider dev", "Spider dev"), ("bird dev", "BIRD superhero")):
        row = figures("follow_up")["follow_ups"][name]["rule.v1"]["all"]
        asked, full = row["ex as asked"], row["ex"]
        rows.append([title, row["n"], asked, full, row["ex reference"], row["recall as asked"], row["recall"],
                     row["recall reused"]])  # fmt: skip
    heads = ["EX % as asked", "in full", "reference", "columns % as asked", "in full", "earlier kept"]
    return table(["set", "follow-ups", *heads], rows)


def service() -> str:
    found = figures("serve")
    rows = []
    if "overhead" in found:
        mine = found["overhead"]["cascade.v1"]
        rows.append(["one client, over the library's call", f"{mine['overhead_p50_of_pairs_ms']} ms (p50)"])
    shared = found["batching"]
    streams = {
        "differ": "no two requests alike",
        "popular": "few requests asked for often",
        "repeated": "one request",
    }
    for name, title in streams.items():
        rates = f"{shared[name]['on_per_second']} against {shared[name]['off_per_second']} a second"
        spent = (
            f"{shared[name]['on_cpu_ms_a_request']} against {shared[name]['off_cpu_ms_a_request']} ms of a core each"
        )
        found_ratio = f"{shared[name]['ratio']}× ({rates}; {spent})"
        rows.append([f"32 clients, shared runs against single ones, {title}", found_ratio])
    bound = shared["bound"]
    rows.append([
        "no two requests alike, in this process, without HTTP and clients",
        f"{bound['library_per_second']} a second, {bound['ratio_at_best']}× single ones; the model alone "
        f"{bound['model_per_second']}",
    ])  # fmt: skip
    flood = found["overload"]
    statuses = ", ".join(f"{count:,} × {status}" for status, count in flood["statuses"].items())
    rows.append([
        f"{flood['times_capacity']} times its capacity for {flood['seconds']:.0f} s",
        f"{statuses}; {flood['wrong']} wrong, {flood['mixed_up']} mixed up, {flood['lost']} lost; "
        f"{flood['memory_peak_mb']:.0f} MB at most",
    ])  # fmt: skip
    soak = found["soak"]
    rows.append([f"8 clients for {soak['seconds']:.0f} s", f"memory grew by {soak['growth_percent']} % after warm-up"])
    return table(["load", "found"], rows)


def gateway() -> str:
    """Of the gateway, what the model's limit costs and saves; P95 is measured with the default of it."""
    found, speed = figures("gateway_windows"), figures("serve_gateway")
    titles = {
        "words": ("`scorer: words`", "words"),
        "model, 2000": ("the default, 2,000 characters", "model"),
        "model": ("`gateway_characters = 0`, as other requests", ""),
    }
    rows = []
    for key, (title, timed) in titles.items():
        times = found[key]["processor ms"].values()
        wall = f"{speed[timed]['p95 ms']:.0f} ms" if timed else ""
        rows.append([title, f"{found[key]['mean']} %", f"{sum(times) / len(times):.0f} ms", wall])
    again = f"{speed['model, sent again']['p95 ms']:.0f} ms"
    rows.append(["a result that was sent before", "", f"{speed['model, sent again']['processor ms']:.0f} ms", again])
    return table(["what reads a result of 20,000 characters", "evidence kept", "processor time", "added, P95"], rows)


def servers() -> str:
    titles = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mysql": "MariaDB", "duckdb": "DuckDB"}
    hostile, built = figures("hostile"), figures("server_values")
    rows = []
    for key, title in titles.items():
        if key not in hostile:
            continue
        mine, index = hostile[key], built.get(key)
        grown = ""
        if index is not None:
            spent = f"{index['peak_mb']} MB, {index['build_seconds']:.0f} s"
            whole = "all values" if index["right"] else "values missing"
            grown = f"{index['rows']:,} rows, {index['restarts']} restart: {spent}, {whole}"
        changed = len(mine["changed"]) + len(mine["broken"])
        rows.append([title, mine["statements"], changed, f"{mine['late_seconds']} s", grown])
    return table(
        ["", "hostile statements", "that changed or broke something", "latest after its deadline", "index"], rows
    )


def install_size() -> str:
    found = figures("install_size")
    large = [row for row in found["packages"] if row["mb"] >= 5]
    rows = [[row["package"], row["mb"], ", ".join(row["required by"])] for row in large]
    rest = sum(row["mb"] for row in found["packages"]) - sum(row["mb"] for row in large)
    rows.append([f"{len(found['packages']) - len(large)} others", round(rest, 1), ""])
    rows.append([f"all {len(found['packages'])}", f"{found['mb']} ({found['mib']} MiB)", ""])
    return table(["package", "MB on disk", "required by"], rows)


TABLES = {
    "gateway": gateway,
    "install_size": install_size,
    "service": service,
    "servers": servers,
    "spider": spider,
    "trust": trust,
    "conversations": conversations,
    "chat": chat,
    "select": select,
    "select_left_out": select_left_out,
    "values": values,
    "passages": passages,
    "linking": linking,
    "pooled": pooled,
    "scale": scale,
    "follow_up": follow_up,
    "dedup": dedup,
    "tables": tables,
    "tools": tools,
    "html": html,
    "field": _field.field_table,
    "kv": _kv.short,
} | _shrunk.TABLES
TABLES |= _prompt_cache.TABLES
TABLES |= _kv.TABLES
TABLES |= _readability.TABLES
TABLES |= _shrunk.PAGE_TABLES
PAGES = (
    (ROOT / "README.md", TABLES),
    (CARD, _card.TABLES),
    *((page, TABLES) for page in sorted((ROOT / "docs").rglob("*.md"))),
    (ROOT / "benchmarks" / "README.md", _index.TABLES),
)

if __name__ == "__main__":
    raise SystemExit(main())
