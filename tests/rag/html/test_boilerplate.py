"""The main text of pages, by rules."""

from __future__ import annotations

import pytest

from ctxprune.rag import HtmlOptions, HtmlPage
from ctxprune.rag.html import main_text, main_texts, main_units, site_texts

TEXT = HtmlOptions(output="text", min_tokens=0)
FIRST = "The ferry to the island was out of service for a third day on Monday, said the harbour master."
SECOND = "A new engine is on its way from the mainland, where it was built in 1974 and mended twice since."
ARTICLE = f"<article><h1>No ferry</h1><p>{FIRST}</p>%s<p>{SECOND}</p></article>"
PAGE = f"""<body><nav><a href=/>Home</a> <a href=/news>News</a></nav>{ARTICLE}
<aside><p>{FIRST.replace("ferry", "bus")}</p></aside>
<div class="Newsletter-signup"><p>Get the news of the island each morning, straight to your inbox, for free.</p></div>
<footer><p>All that is on this page is ours, and may not be copied without our leave, thank you.</p></footer></body>"""


def main(page: str) -> list[str]:
    return main_text(HtmlPage(page, TEXT)).split("\n\n")


def test_what_stands_around_an_article_goes() -> None:
    assert main(PAGE.replace("%s", "")) == ["No ferry", FIRST, SECOND]


@pytest.mark.parametrize(
    ("between", "kept"),
    [
        ("<h2>At work</h2>", True),
        ("<blockquote>Soon, they say</blockquote>", True),
        ("<ul><li>one oar</li></ul>", True),
        ("<p><a href=x>A single link within the text</a></p>", True),
        ("<figure><img alt='A boat at the quay'><figcaption>The quay</figcaption></figure>", False),
        ("<div id=related-links><p>Read on</p></div>", False),
        ("<ul>" + "<li><a href=x>More of that</a></li>" * 4 + "</ul>", False),
        (f"<p>{FIRST}</p>", False),
        ("<form><p>Your name</p></form>", False),
    ],
)
def test_what_stands_between_paragraphs(between: str, kept: bool) -> None:
    found = main(PAGE.replace("%s", between))
    assert found[:2] == ["No ferry", FIRST]
    assert found[-1] == SECOND
    assert (len(found) > 3) == kept


def test_a_name_that_speaks_of_surroundings_says_nothing_about_most_of_the_text() -> None:
    assert main(f'<div class="comments share">{ARTICLE % ""}</div>') == ["No ferry", FIRST, SECOND]


def test_a_headline_apart_from_the_text_is_not_part_of_it() -> None:
    assert main(f"<div><h1>No ferry</h1><p>By us</p></div><div><p>{FIRST}</p><p>{SECOND}</p></div>") == [FIRST, SECOND]


def test_a_sidebar_is_no_text_however_long_it_is() -> None:
    teasers = "".join(f"<p>{FIRST} {word}.</p>" for word in ("one", "two", "three", "four"))
    page = f"<div><p>{FIRST}</p><p>{SECOND}</p></div>"
    assert main(f"{page}<aside>{teasers}</aside>") == [FIRST, SECOND]
    assert main(f"{page}<div class='site-footer'>{teasers}</div>") == [FIRST, SECOND]


@pytest.mark.parametrize("body", ["<div itemprop=articleBody>%s</div>", "<div class='entry-content'>%s</div>"])
def test_an_element_that_says_it_is_the_text_is_kept_from_its_start_to_its_end(body: str) -> None:
    short = ["New in this version", "More tasks", "Bugs mended"]
    lists = f"<p>{short[0]}</p><ul><li>{short[1]}</li><li>{short[2]}</li></ul>"
    page = f"<nav><a href=x>Home</a></nav><p>Our shop</p>{body % (lists + f'<p>{FIRST}</p><p>{SECOND}</p>')}<p>Bye</p>"
    assert main(page) == [*short, FIRST, SECOND]


def test_labels_and_announcements_of_other_pages_are_no_text() -> None:
    news = "".join(f"<li><a href=x>Ferry {number}</a> {FIRST[:-1]} and so...</li>" for number in range(6))
    page = f"<ul class=latest-x>{news}</ul><div><p>{FIRST}</p><p>Advertisement</p><p>{SECOND}</p></div>"
    assert main(page) == [FIRST, SECOND]


def test_a_question_that_comes_again_later_is_kept() -> None:
    answers = [f"{SECOND} {word}." for word in ("one", "two", "three", "four")]
    page = "".join(f"<p>{text}</p>" for answer in answers for text in (FIRST, answer))
    assert main(f"<div>{page}</div>").count(FIRST) == 4


def test_a_page_of_data_keeps_its_table() -> None:
    rows = "".join(f"<tr><td>{year}<td>{2 * year}</tr>" for year in range(1990, 2000))
    found = main_text(HtmlPage(f"<nav><a href=x>Home</a></nav><main><table>{rows}</table></main>", TEXT))
    assert "1990" in found
    assert "3998" in found
    assert "Home" not in found


def test_a_menu_is_no_part_of_the_line_after_it() -> None:
    page = HtmlPage(f"<nav><a href=x>Home</a></nav><p>{FIRST}</p>")
    assert [unit.text for unit in page.units] == ["Home", FIRST]
    assert main_text(page) == f"<p>{FIRST}</p>"


@pytest.mark.parametrize("page", ["", "<p>", "<nav><a href=x>Home</a></nav>", "word"])
def test_pages_without_prose(page: str) -> None:
    units = HtmlPage(page, TEXT).units
    assert set(main_units(HtmlPage(page, TEXT))) <= set(range(len(units)))


NOTICE = "This site is run by the harbour office, which answers letters on every working day but Friday."


def site(count: int) -> list[HtmlPage]:
    """Pages without any landmark or class, that end with the same long notice."""
    texts = [
        f"In the year {1900 + number} the ferry carried {number} thousand people over the sound. "
        for number in range(count)
    ]
    return [HtmlPage(f"<div><p>{text * 2}</p><p>{NOTICE}</p></div>", TEXT) for text in texts]


def test_what_comes_again_on_many_pages_is_no_main_text() -> None:
    pages = site(4)
    assert site_texts(pages) == {NOTICE}
    assert all(NOTICE in main_text(page) for page in pages)
    for number, text in enumerate(main_texts(pages)):
        assert f"In the year {1900 + number} " in text
        assert NOTICE not in text


def test_two_pages_are_too_few_to_tell_and_half_of_the_pages_are_needed() -> None:
    assert site_texts(site(2)) == frozenset()
    others = [
        HtmlPage(f"<p>Page {number} says something else, and says it at some length.</p>", TEXT) for number in range(5)
    ]
    assert site_texts([*site(4), *others]) == frozenset()
    assert site_texts([*site(5), *others]) == {NOTICE}
    assert main_texts([]) == []


def test_a_heading_that_is_a_link_to_itself_opens_the_text() -> None:
    heading = "<h1 id=lamps><a href='#lamps'>Lamps of the harbour</a></h1>"
    page = f"<nav><a href=x>Home</a></nav><main>{heading}<p>{FIRST}</p><p>{SECOND}</p></main>"
    assert main(page) == ["Lamps of the harbour", FIRST, SECOND]
