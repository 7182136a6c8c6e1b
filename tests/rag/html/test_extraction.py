"""The main text by our rules, and with trafilatura, of which a stand-in is enough here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from ctxprune.errors import InputError, MissingExtraError, UsageError
from ctxprune.rag.html import HtmlOptions, HtmlPage, extract_main_text, main_text, main_units
from ctxprune.rag.html.extraction import agreed_units, covered_units

FIRST = "The ferry to the island was out of service for a third day on Monday, said the harbour master."
SECOND = "A new engine is on its way from the mainland, where it was built in 1974 and mended twice since."
LETTER = "Readers write: nobody has ever asked us what we think of the ferry, and that should be said for once."
PAGE = HtmlPage(
    f"<nav><a href=/>Home</a></nav><article><h1>No ferry</h1><p>{FIRST}</p><p>{SECOND}</p><p>{LETTER}</p></article>",
    HtmlOptions(output="text", min_tokens=0),
)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], str | None]], None]:
    """Puts a module in the place of trafilatura, which extracts as it is told."""

    def put(extract: Callable[[str], str | None]) -> None:
        module = ModuleType("trafilatura")
        module.__spec__ = sys.modules["pytest"].__spec__  # `find_spec` refuses modules without one

        def call(html: str, *, include_comments: bool) -> str | None:
            assert not include_comments
            return extract(html)

        module.extract = call  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "trafilatura", module)

    return put


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """No trafilatura, whatever is installed."""
    monkeypatch.setitem(sys.modules, "trafilatura", None)


@pytest.mark.usefixtures("without")
def test_without_trafilatura_our_rules_are_used_and_named() -> None:
    found = extract_main_text(PAGE)
    assert found.backend == "own"
    assert found.text == main_text(PAGE)
    assert list(found.units) == main_units(PAGE)


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize("backend", ["trafilatura", "agreed"])
def test_a_backend_that_is_missing_is_no_silent_choice(backend: str) -> None:
    with pytest.raises(MissingExtraError, match="main-text"):
        extract_main_text(PAGE, backend=backend)  # type: ignore[arg-type]


def test_both_agree_on_what_either_is_sure_of(install: Callable[..., None]) -> None:
    install(lambda html: f"{FIRST}\n{SECOND}\nHome")
    found = extract_main_text(PAGE)
    assert found.backend == "agreed"
    assert found.text.split("\n\n") == [FIRST, SECOND]
    assert LETTER in extract_main_text(PAGE, backend="own").text
    assert extract_main_text(PAGE, backend="trafilatura").text.split("\n\n") == ["Home", FIRST, SECOND]


@pytest.mark.parametrize(("theirs", "kept"), [(LETTER, [LETTER]), (None, ["No ferry", FIRST, SECOND, LETTER])])
def test_where_they_disagree_trafilatura_is_believed_unless_it_found_nothing(
    install: Callable[..., None], theirs: str | None, kept: list[str]
) -> None:
    install(lambda html: theirs)
    assert extract_main_text(PAGE, backend="agreed").text.split("\n\n") == kept


def test_texts_are_found_in_other_white_space_and_case() -> None:
    text = f"NO FERRY\n{FIRST.replace(' ', '  ')}\nand more"
    assert [PAGE.units[index].text for index in covered_units(PAGE, text)] == ["No ferry", FIRST]
    assert covered_units(PAGE, "") == []


def test_a_word_that_stands_within_a_sentence_covers_no_block_of_its_own() -> None:
    page = HtmlPage("<p>Home</p><p>Nobody was at home on Monday.</p>", HtmlOptions(min_tokens=0))
    assert covered_units(page, "Nobody was at home on Monday.") == [1]


def test_agreement_without_any_text_is_empty() -> None:
    page = HtmlPage("")
    assert agreed_units(page, [], []) == []
    assert extract_main_text(page, backend="own").text == ""


def test_its_failures_are_errors_of_ours(install: Callable[..., None]) -> None:
    def fail(html: str) -> str:
        raise RecursionError("too deep")

    install(fail)
    with pytest.raises(InputError, match="RecursionError"):
        extract_main_text(PAGE, backend="trafilatura")


def test_it_is_given_text_that_it_can_read(install: Callable[..., None]) -> None:
    def check(html: str) -> str:
        html.encode("utf-8")
        assert "\x00" not in html
        return FIRST

    install(check)
    page = HtmlPage(f"<p>\ud800\x00</p><p>{FIRST}</p>", HtmlOptions(output="text", min_tokens=0))
    assert FIRST in extract_main_text(page).text


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(UsageError, match="own, trafilatura, agreed"):
        extract_main_text(PAGE, backend="other")  # type: ignore[arg-type]
