"""The rule of defaults for main text: on no set of pages is it worse than BM25 by the page's title, at equal length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from ctxprune.policies import TokenBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag.evaluation.field import compare_methods
from ctxprune.rag.evaluation.html import token_f1
from ctxprune.rag.evaluation.html_sets import read_pages
from ctxprune.rag.html import HtmlOptions, HtmlPage, main_text
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.tokens import as_counter

LEVEL = 0.05
TOPICS = {
    "Beavers return to the river": ("dam", "otter", "willow", "flood"),
    "Council votes on the tram": ("track", "budget", "mayor", "bridge"),
    "How to prune an apple tree": ("branch", "winter", "knife", "bud"),
    "The museum opens its depot": ("painting", "shelf", "curator", "crate"),
    "Rain fills the reservoirs": ("litre", "gauge", "spring", "valley"),
    "A baker gives up after forty years": ("oven", "dough", "queue", "flour"),
    "New clock for the station": ("dial", "minute", "platform", "repair"),
    "Choir looks for tenors": ("rehearsal", "voice", "concert", "score"),
}


class Article(NamedTuple):
    title: str
    html: str
    text: str


def make_article(title: str, words: Sequence[str]) -> Article:
    """A page of a newspaper: an article between menus, teasers of other articles and a footer."""
    one, two, three, four = words
    paragraphs = [
        f"On Tuesday morning nobody had expected it, and yet the {one} was there before the first visitors came.",
        f"What matters now, say those who know it best, is that the {two} and the {three} are looked after together.",
        f"For years there had been talk of the {four}, but money was short and the plans stayed in a drawer.",
        f"The {three} alone will take until autumn. After that, the {one} should last for two generations.",
        "Whoever wants to see it for themselves can come on Saturday, when there will be tea and a short tour.",
    ]
    others = [name for name in TOPICS if name != title]
    menu = "".join(
        f"<li><a href='/{place}'>{name}</a></li>" for place, name in enumerate(("Home", "News", "Sport", "Shop"))
    )
    teasers = "".join(
        f"<div class='teaser'><a href='#'>{name}</a><span>{name}: read more in our paper</span></div>"
        for name in others
    )
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    html = (
        f"<!doctype html><html><head><title>{title} - The Daily Reed</title></head><body><nav><ul>{menu}</ul></nav>"
        f"<div class='banner'>We use cookies. <button>Fine</button></div><article><h1>{title}</h1>{body}</article>"
        f"<aside><h2>Most read</h2>{teasers}</aside><footer>Imprint | Privacy | {title} | Write to us</footer>"
        "</body></html>"
    )
    return Article(title, html, " ".join([title, *paragraphs]))


def compare_with_title(
    articles: Sequence[Article], extract: Callable[[HtmlPage], str] = main_text, least: int = 1
) -> dict[str, float]:
    """F1 of the words: the main text beside the blocks that BM25 finds for the title, in as many tokens, or `least`."""
    ours, theirs = [], []
    for article in articles:
        page = HtmlPage(article.html, HtmlOptions(output="text"))
        text = extract(page)
        budget = TokenBudget(max(as_counter().count(text), least))
        blocks = Pruner(LexicalScorer(), budget, on_empty="drop").prune(article.title, page).output
        ours.append(token_f1(text, article.text)[0])
        theirs.append(token_f1(blocks, article.text)[0])
    return compare_methods(ours, theirs)


def test_pages_of_our_own() -> None:
    found = compare_with_title([make_article(title, words) for title, words in TOPICS.items()])
    assert found["p_worse"] >= LEVEL, found
    assert found["items"] == len(TOPICS)


def test_the_rule_refuses_a_bad_main_text() -> None:
    articles = [make_article(title, words) for title, words in TOPICS.items()]
    found = compare_with_title(articles, extract=lambda page: page.render([0]), least=500)
    assert found["p_worse"] < LEVEL


@pytest.mark.data
@pytest.mark.parametrize("name", ["article_extraction", "article_extraction_more"])
def test_pages_that_people_marked(shared: Path, name: str) -> None:
    folder = shared / "data" / "rag" / name
    if not folder.is_dir():
        pytest.skip("the pages are not here")
    items = read_pages(folder)[:25]
    titled = [Article(_title(item.html), item.html, item.article or "") for item in items]
    found = compare_with_title([article for article in titled if article.title])
    assert found["items"] >= 15
    assert found["p_worse"] >= LEVEL, found


def _title(html: str) -> str:
    start = html.lower().find("<title")
    return html[html.find(">", start) + 1 : html.lower().find("</title>", start)].strip() if start >= 0 else ""
