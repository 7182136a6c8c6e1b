"""How much of the text that a person marked stands in what we take for menus, footers, comments and cookie banners.

    python benchmarks/quality/html_around.py        # benchmarks/results/html_around.json, a minute

Three figures: of the words of marked articles (article_extraction, article_extraction_more) the percentage that stands
in units around the text (`HtmlPage.around`), beside that of the words that are in no article; of questions about
tables of Wikipedia pages (wtq_html, pages drawn by the seed) the answers that are left at 5, 10 and 20 % of the
tokens; and of twenty short pages whose answer stands in the footer or a comment (`_around_pages.py`) those whose answer
is left at 30, 60 and 100 %. The last two each with units around the text as they are by default, which fill no budget,
and as any other unit. Nothing was tuned on any of these: the words of the rule were set before the first run, and the
twenty pages were written before anything was measured on them.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.common.parts import fingerprint
from benchmarks.common.record import SHARED, record
from benchmarks.quality._around_pages import PAGES as AROUND_PAGES
from ctxprune import TokenBudget, prune
from ctxprune.rag.evaluation.html import measure_questions
from ctxprune.rag.evaluation.html_sets import read_pages
from ctxprune.rag.html import HtmlOptions, HtmlPage
from ctxprune.scorers import SCORERS
from ctxprune.text.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = SHARED / "data" / "rag"
ARTICLES = ("article_extraction", "article_extraction_more")
QUESTIONS = "wtq_html"
PAGES = 40
SEED = 7
SHARES = (30, 60, 100)  # percent of the tokens of a short page


def article_words() -> dict[str, object]:
    inside = inside_around = outside = outside_around = pages_with = pages = 0
    for name in ARTICLES:
        for item in read_pages(DATA / name):
            page = HtmlPage(item.html)
            left = Counter(words(item.article or ""))
            pages += 1
            pages_with += any(page.around)
            # Units of the text first: a word that stands in both belongs to these.
            for around in (False, True):
                for unit, apart in zip(page.units, page.around, strict=True):
                    if apart != around:
                        continue
                    for word in words(unit.text):
                        marked = left[word] > 0
                        left[word] -= marked
                        inside += marked
                        inside_around += marked and around
                        outside += not marked
                        outside_around += (not marked) and around
    return {
        "pages": pages,
        "pages_with_any": pages_with,
        "article_words_around": round(100 * inside_around / inside, 3),
        "other_words_around": round(100 * outside_around / outside, 2),
    }


def answers_left() -> dict[str, object]:
    items = read_pages(DATA / QUESTIONS)
    names = sorted({item.name for item in items})
    random.Random(SEED).shuffle(names)
    chosen = set(names[:PAGES])
    asked = [item for item in items if item.name in chosen]
    pages = {item.name: HtmlPage(item.html) for item in asked}
    found = {"questions": len(asked), "pages": len(pages), "pages_with_any": sum(any(p.around) for p in pages.values())}
    options = HtmlOptions(output="markdown", columns=True)
    scorer = SCORERS.get("page.v1")()
    found["fills_no_budget"] = measure_questions(asked, scorer, options=options).answer_retention
    with as_any_other():
        found["as_any_other"] = measure_questions(asked, scorer, options=options).answer_retention
    return found


def answers_around_left() -> dict[str, object]:
    """Of the pages whose answer stands around the text, the percentage whose answer is left, by share of the tokens."""
    pages = [HtmlPage(page.html()) for page in AROUND_PAGES]
    for asked, page in zip(AROUND_PAGES, pages, strict=True):
        units = [apart for unit, apart in zip(page.units, page.around, strict=True) if asked.answer in unit.text]
        if units != [True]:
            raise ValueError(f"{asked.title}: the answer has to stand in one unit around the text")
    found: dict[str, object] = {"pages": len(pages), "fills_no_budget": share_left()}
    with as_any_other():
        found["as_any_other"] = share_left()
    return found


def share_left() -> dict[str, dict[str, float]]:
    """By scorer, then by share."""
    found = {}
    pages = [HtmlPage(page.html()) for page in AROUND_PAGES]  # anew: a page remembers what stands around its text
    for scorer in ("cascade.v1", "page.v1"):
        left = Counter()
        for asked, page in zip(AROUND_PAGES, pages, strict=True):
            whole = prune(asked.question, page, scorer=scorer).tokens_before
            for share in SHARES:
                policy = TokenBudget(whole * share // 100)
                left[share] += asked.answer in prune(asked.question, page, scorer=scorer, policy=policy).output
        found[scorer] = {str(share): round(100 * left[share] / len(pages), 2) for share in SHARES}
    return found


@contextmanager
def as_any_other() -> Iterator[None]:
    """Without knowledge of what stands around the text of a page."""
    around = HtmlPage.around
    HtmlPage.around = None
    try:
        yield
    finally:
        HtmlPage.around = around


def main() -> int:
    figures = {
        "answers_around": answers_around_left(),
        "articles": article_words(),
        "answers": answers_left(),
    }
    data = {name: fingerprint(read_pages(DATA / name)) for name in (*ARTICLES, QUESTIONS)}
    data["answers_around"] = fingerprint(AROUND_PAGES)
    record("html_around", figures, seed=SEED, data=data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
