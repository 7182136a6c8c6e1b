"""Pages pruned by our scorers and by their peers: answers and elements that are left, main text, speed.

    python benchmarks/quality/html_pages.py --htmlrag PYTHON --extractors PYTHON    # benchmarks/results/html.json

`--htmlrag` and `--extractors` are the interpreters of environments with htmlrag, and with trafilatura (see
htmlrag_peer.py, articles_peer.py); without them their rows are missing. One thread, ten minutes on a quiet machine.
Rows of questions that were measured before are kept, unless the weights, the questions or the form have changed;
`--fresh` throws them away, `--all-questions` is for the first row alone, `--main-text` for the articles alone; what was
not measured keeps the figures of the last record.

Main text is measured on article_extraction and article_extraction_more, each alone and both together: by our rules, by
each peer, and by what our rules and trafilatura agree on (`extract_main_text`), which is mapped to our blocks.

A budget is a share of the tokens of the cleaned page, which is all of it rendered in the form that is measured, nothing
dropped; the bundled tokenizer counts. htmlrag writes HTML, so it gets the tokens of our HTML row. It takes long, so a
sample of the questions is asked for all rows but the first. Ours write Markdown and choose rows and columns of tables
unless the row says otherwise. Speed is that of the pages of the sample, each once, in turn: from the source to what is
left at 10 %, counting included.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from contextlib import ExitStack
from importlib.resources import files
from statistics import fmean, median
from time import perf_counter

import numpy as np

from benchmarks.common.child import Child
from benchmarks.common.parts import Parts, fingerprint, say, ticker
from benchmarks.common.record import RESULTS, SHARED, record
from ctxprune.rag.evaluation.html import (
    SHARES,
    JudgedPage,
    build_budget_pruner,
    measure_articles,
    measure_questions,
    normalize_text,
    token_f1,
)
from ctxprune.rag.evaluation.html_sets import PageItem, read_pages
from ctxprune.rag.html import HtmlOptions, HtmlPage, main_units
from ctxprune.rag.html.extraction import agreed_units, covered_units
from ctxprune.scorers import SCORERS

DATA = SHARED / "data" / "rag"
ARTICLES = ("article_extraction", "article_extraction_more")
SETS = ("wtq_html", "websrc_sample", *ARTICLES)
WEIGHTS = ("page_parts/weights.json", "page_parts/text_weights.json", "table_reading/weights.json")
SEED = 7
FORMS = ("markdown", "html", "text")
BASELINES = ("lexical.v1", "titled.v1", "tabular.v1", "random")


class Random:
    """Seeded by the question."""

    def score(self, query, context):
        return np.random.default_rng(list(query.encode())).random(len(context.units), dtype=np.float32)


def main() -> int:
    options = arguments()
    with ExitStack() as stack:
        htmlrag = extractors = None
        if options.htmlrag:
            tokenizer = str(files("ctxprune").joinpath("models", "tokenizer.json"))
            htmlrag = Child(options.htmlrag, "htmlrag_peer.py", tokenizer, packages="htmlrag")
            stack.callback(htmlrag.close)
        if options.extractors:
            extractors = Child(options.extractors, "articles_peer.py", packages="trafilatura")
            stack.callback(extractors.close)
        sets = {name: read_pages(DATA / name) for name in SETS}
        parts = Parts("html", keep=not options.fresh)
        figures = read_figures()
        if not options.main_text:
            everything = measured(parts, sets["wtq_html"], "page.v1", "markdown")
            figures["wtq_html"] = figures.get("wtq_html", {}) | {"page.v1": everything}
        if not options.main_text and not options.all_questions:
            before, found = figures["wtq_html"], tables(parts, sets["wtq_html"], htmlrag, options.sample)
            if htmlrag is None and "htmlrag" in before.get("sample", {}):
                found["sample"] = {"htmlrag": before["sample"]["htmlrag"]} | found["sample"]
                found["of_an_earlier_run"] = ["htmlrag", "speed"]
            figures["wtq_html"] = before | found
            figures["websrc_sample"] = {form: measured(parts, sets["websrc_sample"], "page.v1", form) for form in FORMS}
        if not options.all_questions:
            figures["main_text"] = {name: articles(sets[name], extractors) for name in ARTICLES}
            figures["main_text"]["together"] = articles([item for name in ARTICLES for item in sets[name]], extractors)
    say(json.dumps(figures, indent=1))
    record("html", figures, seed=SEED, data={name: fingerprint(items) for name, items in sets.items()})
    return 0


def read_figures() -> dict[str, dict]:
    """Those of the last record; {} without one."""
    path = RESULTS / "html.json"
    found = json.loads(path.read_text(encoding="utf-8"))["figures"] if path.exists() else {}
    return {name: found[name] for name in ("wtq_html", "websrc_sample", "main_text") if name in found}


def measured(parts: Parts, items: list[PageItem], name: str, form: str, *, columns: bool = True) -> dict[str, object]:
    """The figures of one scorer, or those that were kept of it with the same weights."""
    folder = files("ctxprune.scorers.structured")
    weights = [folder.joinpath(file).read_bytes() for file in WEIGHTS]
    what = (fingerprint(items), fingerprint(weights), columns)
    row: dict[str, object] = parts.row(f"{name}, {form}", what, lambda: questions(items, name, form, columns=columns))
    return row


def questions(items: list[PageItem], name: str, form: str, *, columns: bool = True) -> dict[str, object]:
    scorer = Random() if name == "random" else SCORERS.get(name)()
    options = HtmlOptions(output=form, columns=columns)
    return measure_questions(items, scorer, options=options, progress=ticker(f"{name}, {form}")).to_dict()


def tables(parts: Parts, items: list[PageItem], htmlrag: Child | None, size: int) -> dict:
    sample = sorted(random.Random(SEED).sample(items, min(size, len(items))), key=lambda item: item.name)
    rows: dict[str, dict] = {
        "page.v1": measured(parts, sample, "page.v1", "markdown"),
        "page.v1, html": measured(parts, sample, "page.v1", "html"),
        "page.v1, text": measured(parts, sample, "page.v1", "text"),
        "page.v1, rows alone": measured(parts, sample, "page.v1", "markdown", columns=False),
        **{name: measured(parts, sample, name, "markdown") for name in BASELINES},
    }
    found: dict[str, dict] = {"sample": rows}
    if htmlrag is not None:
        rows["htmlrag"] = htmlrag.about | peer_retention(sample, htmlrag)
        found["speed"] = speed(sample, htmlrag)
    return found


def peer_retention(sample: list[PageItem], htmlrag: Child) -> dict[str, object]:
    """Of htmlrag with BM25 at the tokens that our HTML gets; questions count as they do for us, but those on which it
    stops with an error of its own are left out."""
    tick = ticker("htmlrag")
    held: list[list[bool]] = []
    failed = 0
    for done, item in enumerate(sample, start=1):
        asked = JudgedPage(item, HtmlOptions(output="html"))
        if asked.holds(range(len(asked.page.units)), item.answers):
            budgets = [asked.tokens * share // 100 for share in SHARES]
            answer = htmlrag.ask(peer_question(item, budgets))
            if answer["failed"]:
                failed += 1
                continue
            texts = [normalize_text(page["kept"]) for page in answer["pages"]]
            held.append([all(normalize_text(wanted) in text for wanted in item.answers) for text in texts])
        tick(done, len(sample))
    kept = zip(SHARES, zip(*held, strict=True), strict=True)
    retention = {str(share): round(100 * fmean(column), 2) for share, column in kept}
    return {"answer_retention": retention, "items": len(held), "failed": failed}


def peer_question(item: PageItem, budgets: list[int]) -> dict[str, object]:
    return {"html": item.html, "gold_table": item.gold_table, "question": item.question, "budgets": budgets}


def speed(sample: list[PageItem], htmlrag: Child) -> dict[str, object]:
    """Milliseconds a page, ours and theirs one after the other."""
    scorer = SCORERS.get("page.v1")()
    forms = {
        "page.v1": HtmlOptions(output="markdown", columns=True),
        "page.v1, html": HtmlOptions(output="html", columns=True),
        "page.v1, rows alone": HtmlOptions(output="markdown"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in (*forms, "htmlrag")}
    for item in {item.name: item for item in sample}.values():
        budget = JudgedPage(item, HtmlOptions()).tokens // 10
        answer = htmlrag.ask(peer_question(item, [budget]))
        if answer["failed"]:
            continue
        seconds["htmlrag"].append(answer["seconds"])
        for name, options in forms.items():
            budget = JudgedPage(item, options).tokens // 10
            started = perf_counter()
            page = HtmlPage(item.html, options)
            build_budget_pruner(scorer, page, budget).prune(item.question, page)
            seconds[name].append(perf_counter() - started)
    means = {name: fmean(values) for name, values in seconds.items()}
    return {
        "pages": len(seconds["htmlrag"]),
        "ms_per_page": {name: round(1000 * mean, 2) for name, mean in means.items()},
        "median_ms": {name: round(1000 * median(values), 2) for name, values in seconds.items()},
        "times_htmlrag": {name: round(means["htmlrag"] / mean, 1) for name, mean in means.items() if name != "htmlrag"},
    }


def articles(items: list[PageItem], extractors: Child | None) -> dict[str, object]:
    rows: dict[str, object] = {"ctxprune": measure_articles(items).to_dict()}
    whole = [token_f1(page.render(range(len(page.units))), item.article) for item in items for page in [_text(item)]]
    rows["everything"] = _means(whole)
    if extractors is not None:
        answers = [extractors.ask({"html": item.html}) for item in items]
        for name, version in extractors.about.items():
            found = [token_f1(answer[name]["text"], item.article) for answer, item in zip(answers, items, strict=True)]
            ms = 1000 * fmean(answer[name]["seconds"] for answer in answers)
            rows[name] = {"version": version} | _means(found) | {"ms_per_page": round(ms, 2)}
        texts = [answer["trafilatura"]["text"] for answer in answers]
        rows["agreed"] = _means(
            [token_f1(_agreed(item, text), item.article) for item, text in zip(items, texts, strict=True)]
        )
    return rows


def _agreed(item: PageItem, theirs: str) -> str:
    """What `extract_main_text` gives with trafilatura, which is not installed here."""
    page = _text(item)
    return page.render(agreed_units(page, main_units(page), covered_units(page, theirs)))


def _text(item: PageItem) -> HtmlPage:
    return HtmlPage(item.html, HtmlOptions(output="text"))


def _means(found: list[tuple[float, float, float]]) -> dict[str, float]:
    names = ("token_f1", "precision", "recall")
    return {name: round(100 * fmean(values), 2) for name, values in zip(names, zip(*found, strict=True), strict=True)}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--htmlrag", default="", help="interpreter of an environment with htmlrag")
    parser.add_argument("--sample", type=int, default=150, help="questions for htmlrag")
    parser.add_argument("--fresh", action="store_true", help="measure all rows anew")
    parser.add_argument("--all-questions", action="store_true", help="only the first row of wtq_html")
    parser.add_argument("--main-text", action="store_true", help="only the articles")
    parser.add_argument("--extractors", default="", help="interpreter of an environment with trafilatura")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
