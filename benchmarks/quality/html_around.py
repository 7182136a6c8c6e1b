"""How much of the text that a person marked stands in what we take for menus, footers, comments and cookie banners.

    python benchmarks/quality/html_around.py        # benchmarks/results/html_around.json, a minute

Two figures: of the words of marked articles (article_extraction, article_extraction_more) the percentage that stands
in units around the text (`HtmlPage.around`), beside that of the words that are in no article; and of questions about
tables of Wikipedia pages (wtq_html, pages drawn by the seed) the answers that are left at 5, 10 and 20 % of the
tokens, with units around the text as they are by default, kept only near the best, and as any other unit. Nothing was
tuned on any of these: the words of the rule were set before the first run.
"""

from __future__ import annotations

import random
import sys
from collections import Counter

from benchmarks.common.parts import fingerprint
from benchmarks.common.record import SHARED, record
from ctxprune.rag.evaluation.html import measure_questions
from ctxprune.rag.evaluation.html_sets import read_pages
from ctxprune.rag.html import HtmlOptions, HtmlPage
from ctxprune.scorers import SCORERS
from ctxprune.text.words import words

DATA = SHARED / "data" / "rag"
ARTICLES = ("article_extraction", "article_extraction_more")
QUESTIONS = "wtq_html"
PAGES = 40
SEED = 7


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
    around = HtmlPage.around
    HtmlPage.around = None
    try:
        found["as_any_other"] = measure_questions(asked, scorer, options=options).answer_retention
    finally:
        HtmlPage.around = around
    return found


def main() -> int:
    figures = {"articles": article_words(), "answers": answers_left()}
    data = {name: fingerprint(read_pages(DATA / name)) for name in (*ARTICLES, QUESTIONS)}
    record("html_around", figures, seed=SEED, data=data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
