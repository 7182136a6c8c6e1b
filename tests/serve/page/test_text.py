"""What a user does with a text, in a real browser."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .browser import Page
from .conftest import IMAGE, SCRIPT

TEXT = "The bridge is long. It opened in 1933 after four years of work. Cats sleep all day. Dogs bark at night."
QUESTION = "When did the bridge open?"
READY = "!document.querySelector('#text-account').hidden && !document.querySelector('#text-result[aria-busy]')"
DROPPED = "[...document.querySelectorAll('#parts .dropped')].map((part) => part.textContent)"


def prune(page: Page, text: str, question: str = QUESTION) -> None:
    page.fill("#text-question", question)
    page.fill("#text", text)
    page.click("#text-form .main")
    page.wait(READY)


def tokens(page: Page) -> int:
    return int(page.text("#tokens-after").replace(",", "").lstrip("≈ "))


def settled(page: Page) -> None:
    page.wait("!document.querySelector('#tokens-after').textContent.startsWith('≈')")


def asked(page: Page, path: str = "v1/prune") -> list[dict[str, Any]]:
    sent = [event["request"] for event in page.of("Network.requestWillBeSent")]
    return [json.loads(request["postData"]) for request in sent if request["url"].endswith(path)]


def test_what_is_kept_is_plain_and_what_is_dropped_is_marked_for_eyes_and_ears(page: Page) -> None:
    prune(page, TEXT)
    assert page.js("document.querySelector('#parts').textContent") == TEXT
    dropped = page.js(DROPPED)
    assert "Cats sleep all day." in dropped
    assert "It opened in 1933 after four years of work." not in dropped
    look = page.js("getComputedStyle(document.querySelector('#parts .dropped')).textDecorationLine")
    assert look == "line-through"
    assert page.js("[...document.querySelectorAll('#parts .dropped')].every((part) => part.role === 'deletion')")
    assert page.js("document.querySelector('#parts [role=deletion]:not(.dropped)')") is None
    kept = 4 - len(dropped)
    assert (
        page.text("#text-status")
        == f"Kept {tokens(page)} of {page.text('#tokens-before')} tokens, {kept} of 4 sentences."
    )
    page.click("#kept-only")
    assert "Cats" not in page.text("#parts")


def test_the_slider_counts_at_once_and_the_service_confirms(page: Page) -> None:
    prune(page, TEXT)
    page.js("document.querySelector('#budget').focus()")
    page.key("End")
    whole = int(page.text("#tokens-before"))
    settled(page)
    assert tokens(page) == whole
    assert page.js(DROPPED) == []
    page.key("Home")
    assert tokens(page) == 0
    assert page.text("#tokens-after").startswith("≈")  # no server was asked yet
    settled(page)
    assert len(page.js(DROPPED)) == 4
    seen = [tokens(page)]
    for _ in range(3):
        page.key("PageUp", times=3)
        seen.append(tokens(page))
    settled(page)
    assert seen == sorted(seen)
    assert seen[-1] > 0
    budget = int(page.js("document.querySelector('#budget').value"))
    assert tokens(page) <= budget
    assert asked(page)[-1]["budget"] == budget
    assert len(asked(page)) < 8  # far fewer than keys were pressed
    assert page.js("document.querySelector('#automatic').ariaPressed") == "false"
    page.click("#automatic")
    page.wait("document.querySelector('#automatic').ariaPressed === 'true'")
    assert "adaptive.v1" in page.text("#made-by")


def test_estimate_and_service_agree_where_nothing_is_bound(page: Page) -> None:
    prune(page, "\n".join(f"{word} is a word." for word in ("Bridge", "Opening", "Cat", "Dog", "Bird", "Fish", "Tree")))
    for _ in range(4):
        page.js("document.querySelector('#budget').focus()")
        page.key("ArrowRight", times=5)
        guess = page.js(DROPPED)
        settled(page)
        assert len(page.js(DROPPED)) - len(guess) in (0, 1)  # line breaks between them are paid for, too


def test_scores_and_reasons_are_told_in_a_table(page: Page) -> None:
    prune(page, TEXT)
    page.click("#text-units summary")
    rows = page.js(
        "[...document.querySelectorAll('#units tbody tr')].map((row) => [...row.cells].map((c) => c.textContent))"
    )
    assert len(rows) == 4
    assert rows[0][0] == "kept"
    assert rows[0][3] == "chosen by its score"
    assert rows[-1][0] == "dropped"
    assert [float(row[1]) for row in rows] == sorted((float(row[1]) for row in rows), reverse=True)
    assert "whole request" in page.text("#times")


@pytest.mark.parametrize(
    "hostile", [SCRIPT, IMAGE, "<a href='javascript:alert(1)'>click</a>", "</span></div><h1>huge</h1>"]
)
def test_markup_in_a_text_is_text(page: Page, hostile: str) -> None:
    page.js("document.querySelector('#kind').value = 'text'")
    prune(page, f"The bridge opened in 1933. {hostile} is what eve wrote.", question=f"What of {hostile}?")
    assert hostile in page.js("document.querySelector('#parts').textContent")
    assert page.js("document.querySelector('#parts').querySelectorAll('script, img, a, h1').length") == 0
    assert page.js("document.title") == "ctxprune explorer"


def test_a_page_is_read_as_its_text_and_nothing_in_it_runs(page: Page) -> None:
    source = (
        f"<!doctype html><title>t</title><h1>Bridges</h1>{SCRIPT}{IMAGE}<p>The bridge   opened in <b>1933</b>.</p>"
        "<ul><li>Cats &amp; dogs sleep.</li></ul><table><tr><td>a<td>b</table>"
    )
    prune(page, source)
    assert page.js("document.querySelector('#parts').textContent") == (
        "# Bridges\n\nThe bridge opened in 1933.\n\n- Cats & dogs sleep.\n\na | b"
    )
    assert page.js("document.title") == "ctxprune explorer"
    assert asked(page)[-1]["kind"] == "markdown"
    [told] = page.faults()  # the policy says of a handler in the source that it will not run
    assert "inline event handler" in told
    page.forget()


def test_json_stays_json_and_characters_beyond_the_first_plane_stay_in_place(page: Page) -> None:
    text = '{"items": ["🌉🌉 bridge opened in 1933", "🐈 sleeps", "🐕 barks"]}'
    prune(page, text)
    assert page.js("document.querySelector('#parts').textContent") == text
    assert all(part.startswith('"') and part.endswith('"') for part in page.js(DROPPED))
    assert page.text("#unit-noun") == "values"


def test_an_error_says_what_to_do_and_goes_away(page: Page) -> None:
    page.js("document.querySelector('#kind').value = 'json'")
    page.fill("#text-question", QUESTION)
    page.fill("#text", "no JSON")
    page.click("#text-form .main")
    page.wait("document.querySelector('#text-error [role=alert]')")
    assert "this is no JSON" in page.text("#text-error")
    assert page.js("document.querySelector('#text-account').hidden")
    faults = page.faults()
    assert len(faults) == 1
    assert "422" in faults[0]  # Chromium notes each failed request
    page.forget()
    page.js("document.querySelector('#kind').value = 'auto'")
    prune(page, TEXT)
    assert page.js("document.querySelector('#text-error').childElementCount") == 0


def test_a_long_text_with_a_word_without_an_end(page: Page) -> None:
    page.look(380, 800)
    prune(page, "x" * 5000 + ". " + "The bridge opened in 1933. Cats sleep all day. " * 400)
    assert page.js("document.documentElement.scrollWidth <= innerWidth")
    units = int(page.text("#units-before"))
    assert units > 800
    page.click("#text-units summary")
    assert f"{units - 200} more score lower" in page.text("#units")
