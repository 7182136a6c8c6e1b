"""What stands around the text of a page: it fills no budget, and is found where it is asked for."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune import TableBudget, TokenBudget, prune
from ctxprune.context import JoinedContext
from ctxprune.rag import HtmlOptions, HtmlPage
from ctxprune.rag.html import extract_main_text, main_text
from ctxprune.rag.html.page import HtmlPages

PAGE = """<body><nav><a href=/>Home</a> <a href=/shop>Shop</a> <a href=/contact>Contact</a></nav>
<main><h1>Harbour Museum</h1>
<p>The museum stands in the old customs house and shows the history of the harbour since the year of its founding.</p>
<h2>Opening hours</h2>
<table><tr><th>Season</th><th>Days</th><th>Opens</th><th>Closes</th></tr>
<tr><td>Winter</td><td>Tuesday to Saturday</td><td>10:00</td><td>16:00</td></tr>
<tr><td>Spring</td><td>Tuesday to Sunday</td><td>10:00</td><td>18:00</td></tr>
<tr><td>Summer</td><td>every day</td><td>9:00</td><td>20:00</td></tr></table>
<h2>Tickets</h2>
<p>A ticket costs 8 euros for adults and 4 euros for students; children come in free of charge with an adult.</p></main>
<footer><p>(c) Harbour Museum. When you close this page your winter cookies are kept. Cookie settings.</p></footer>
</body>"""
QUESTION = "When does the museum close in winter?"


@pytest.mark.parametrize("output", ["html", "markdown", "text"])
@pytest.mark.parametrize("columns", [False, True])
def test_main_text_keeps_tables(output: str, columns: bool) -> None:
    page = HtmlPage(PAGE, HtmlOptions(output=output, columns=columns))  # type: ignore[arg-type]
    for text in (main_text(page), extract_main_text(page, backend="own").text):
        assert all(word in text for word in ("Season", "Winter", "16:00", "every day", "20:00"))
        assert "Cookie" not in text


def test_by_landmark_class_and_id() -> None:
    html = (
        "<body><div role=navigation><p>Menu</p></div><div class='post-comments'><p>First!</p></div>"
        "<div id=cookieConsent><p>We use cookies</p></div><p class=lead>The bridge opened in the year of 1933 after "
        "four years of work by two companies.</p><p class=recommended>Commentary is text</p></body>"
    )
    page = HtmlPage(html, HtmlOptions(min_tokens=0))
    assert [unit.text for unit, apart in zip(page.units, page.around, strict=True) if apart] == [
        "Menu", "First!", "We use cookies",
    ]  # fmt: skip


def test_an_element_that_is_most_of_the_page_is_its_text() -> None:
    assert not any(HtmlPage("<footer><p>All that there is on this page.</p></footer>").around)
    assert not any(HtmlPage("<div class=comments><p>One.</p><p>Two.</p></div>").around)
    assert HtmlPage("").around == ()


@pytest.mark.parametrize("budget", [20, 101, 114, 127, 150, 200])
def test_it_fills_no_budget(budget: int) -> None:
    several = (HtmlPages([PAGE]), JoinedContext([HtmlPage(PAGE)])) if budget > 126 else ()
    for page in (HtmlPage(PAGE), *several):
        kept = prune(QUESTION, page, scorer="page", policy=TokenBudget(budget)).output
        text = kept if isinstance(kept, str) else kept[0]
        if budget > 100:
            assert "Winter" in text
            assert "Home" not in text
            assert "Cookie" not in text


def test_it_is_kept_where_it_is_asked_for() -> None:
    kept = prune("What happens to my cookies?", HtmlPage(PAGE), scorer="page", policy=TokenBudget(60)).output
    assert "your winter cookies are kept" in kept


@pytest.mark.parametrize(
    ("question", "answer"), [("What is the phone number?", "555 1234"), ("Which street?", "Depot street")]
)
@pytest.mark.parametrize("budget", [30, 60, 100])
def test_what_only_a_footer_answers_is_kept(question: str, answer: str, budget: int) -> None:
    page = (
        "<main><h1>Museum of Trams</h1><p>It shows 40 trams and tells how the city grew along the rails.</p>"
        "<p>Many visitors come by phone booth tours, which start at the station.</p></main>"
        "<footer><p>Phone: 030 555 1234. Depot street 12.</p><p>© Cookie settings.</p></footer>"
    )
    assert answer in prune(question, HtmlPage(page), budget=budget).output


def test_columns_are_never_around() -> None:
    page = HtmlPage(PAGE, HtmlOptions(output="markdown", columns=True))
    assert len(page.around) == len(page.units)
    kept = prune(QUESTION, page, scorer="page", policy=TableBudget(150)).output
    assert "| Winter |" in kept
    assert "Home" not in kept


@pytest.mark.parametrize("output", ["html", "markdown", "text"])
def test_the_budget_that_is_named_is_the_least_that_holds_the_best_block(output: str) -> None:
    page = HtmlPage(PAGE, HtmlOptions(output=output))  # type: ignore[arg-type]
    missing = prune(QUESTION, page, scorer="page", policy=TokenBudget(25)).oversized
    assert missing is not None
    least = missing.budget
    assert missing.tokens <= least
    enough = prune(QUESTION, page, scorer="page", policy=TokenBudget(least))
    assert enough.oversized is None
    assert "Winter" in enough.output
    assert enough.tokens_after <= least
    less = prune(QUESTION, page, scorer="page", policy=TokenBudget(least - 1)).oversized
    assert less is not None
    assert less.budget == least
    assert less.kept < less.parts


@given(
    st.lists(
        st.sampled_from(
            ["<nav>", "</nav>", "<p>", "<footer class='x", "'>", "<div id=nav>", "</div>", "word ", "<", ">"]
        )
    )
)
def test_any_markup_is_read(parts: list[str]) -> None:
    page = HtmlPage("".join(parts))
    assert len(page.around) == len(page.units)


@pytest.mark.parametrize(
    "html",
    [
        pytest.param("<p " + "id " * 10_000 + ">Text", id="names"),
        pytest.param("<p " + "class=a id=b " * 2_500 + ">Text", id="values"),
        pytest.param("<div data-props='" + '{"id": 1, "class": "a"}, ' * 1_300 + "'>Text</div>", id="json"),
        pytest.param("<a class=" * 3_500, id="no_end"),
        pytest.param("<p id=nav>x" * 2_800, id="many_tags"),
    ],
)
def test_tags_are_read_once(html: str) -> None:
    assert len(html) > 30_000
    page = HtmlPage(html)
    units = len(page.units)
    start = time.process_time()
    assert len(page.around) == units
    assert time.process_time() - start < 1  # minutes where each name in a tag reads the rest of it


def test_only_class_and_id_name_what_an_element_is() -> None:
    text = "<p>The bridge opened in the year of 1933 after four years of work by two companies.</p>"
    tags = ["p data-id=nav", "p title='a > b' class=footer", "p id=nav id=lead", "p id=lead class", "p Class=NAV"]
    html = text + "".join(f"<{tag}>{number}</p>" for number, tag in enumerate(tags)) + "< id=nav>"
    page = HtmlPage(html, HtmlOptions(min_tokens=0))
    assert [unit.text for unit, apart in zip(page.units, page.around, strict=True) if apart] == ["1", "2", "4"]
