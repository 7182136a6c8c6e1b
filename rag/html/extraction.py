"""The main text of a page by our own rules, or by what these and trafilatura agree on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, get_args

from ctxprune.errors import InputError, UsageError
from ctxprune.utils.extras import require

from .boilerplate import main_units, with_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .page import HtmlPage

__all__ = ["MainBackend", "MainText", "agreed_units", "covered_units", "extract_main_text"]

MainBackend = Literal["auto", "own", "trafilatura", "agreed"]
_WORD = re.compile(r"\w+")
_COVERED = 0.8  # share of a block's text from which another extractor has kept it
_ALIKE = 0.5  # share of the text that either keeps, from which both found the same article


@dataclass(frozen=True, slots=True)
class MainText:
    """The main text of a page.

    Attributes:
        text: In the form that the page's options name.
        units: Indices of the units that make it, rising.
        backend: What found it: "own", "trafilatura" or "agreed".
    """

    text: str
    units: tuple[int, ...]
    backend: str


def extract_main_text(
    page: HtmlPage, *, backend: MainBackend = "auto", known: Collection[str] = frozenset()
) -> MainText:
    """The main text of a page, made of its units, and what found it.

    Args:
        page: The page.
        backend: "own": `main_units`. "trafilatura": the units of which trafilatura keeps the text. "agreed": those that
            both keep; where these are less than half of what either keeps, one of them took another part of the page
            for the article, and trafilatura is believed, which has more ways to notice that. "auto": "agreed" where
            trafilatura is installed, else "own"; the result says which. On sites that our rules were chosen on "own"
            keeps more (benchmarks/quality/html_pages.py), on others each makes mistakes that the other does not.
        known: Texts of blocks that belong to the site; see `site_texts`.

    Raises:
        UsageError: No such backend.
        InputError: trafilatura is used ("auto" uses it where it is installed), and fails on the page.
        MissingExtraError: trafilatura is asked for and not installed (extra `main-text`).
    """
    if backend not in get_args(MainBackend):
        raise UsageError(f"backend is {backend!r}", hint=f"give one of {', '.join(get_args(MainBackend))}")
    name = backend
    if name == "auto":
        name = "agreed" if find_spec("trafilatura") else "own"
    own = [] if name == "trafilatura" else main_units(page, known)
    if name == "own":
        units = own
    else:
        theirs = covered_units(page, _load_extractor()(page.source))
        units = with_columns(page, theirs if name == "trafilatura" else agreed_units(page, own, theirs))
    return MainText(page.render(units), tuple(units), name)


def agreed_units(page: HtmlPage, own: Collection[int], theirs: Collection[int]) -> list[int]:
    """The units in both, rising; all of `theirs` where the two have less than half of their text in common."""
    both, either = {*own} & {*theirs}, {*own} | {*theirs}
    common, whole = (sum(len(page.units[index].text) for index in chosen) for chosen in (both, either))
    if common >= _ALIKE * whole:
        return sorted(both)
    # One that found nothing at all has no say.
    return sorted(theirs or own)


def covered_units(page: HtmlPage, text: str) -> list[int]:
    """The units of which `text`, written by another extractor, has most: 80 % of their pairs of words, rising."""
    words = _WORD.findall(text.casefold())
    held, lines = {*pairwise(words)}, {" ".join(_WORD.findall(line.casefold())) for line in text.splitlines()}
    rows = page.units[: len(page.groups)]  # the name of a column says nothing about its cells
    return [index for index, unit in enumerate(rows) if _share_held(unit.text, held, lines) > _COVERED]


def _share_held(text: str, held: set[tuple[str, str]], lines: set[str]) -> float:
    """Share of the characters of the lines of `text` that are held."""
    whole = shared = 0.0
    for line in text.splitlines():
        words = _WORD.findall(line.casefold())
        pairs = [*pairwise(words)]
        whole += len(line)
        # A word alone stands somewhere in any text: it has to be a line there too.
        shared += len(line) * (sum(pair in held for pair in pairs) / len(pairs) if pairs else " ".join(words) in lines)
    return shared / max(whole, 1)


def _load_extractor() -> Callable[[str], str]:
    trafilatura: Any = require("trafilatura", "main-text")

    def extract(html: str) -> str:
        readable = html.encode("utf-8", "replace").decode("utf-8").replace("\x00", " ")
        try:
            return trafilatura.extract(readable, include_comments=False) or ""
        except Exception as error:  # it promises no types of its own
            raise InputError(
                f"trafilatura fails on the page ({type(error).__name__}: {error})", hint='give backend="own"'
            ) from error

    return extract
