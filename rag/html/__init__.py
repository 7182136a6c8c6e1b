"""HTML pages: cleaned to what a reader sees, as blocks and table rows that are kept or dropped, and given back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.rag.html.blocks import Block
    from ctxprune.rag.html.boilerplate import main_text, main_texts, main_units, site_texts
    from ctxprune.rag.html.options import HtmlOptions
    from ctxprune.rag.html.page import HtmlPage, HtmlPages

_HOMES = {
    "Block": "blocks",
    "HtmlOptions": "options",
    "HtmlPage": "page",
    "HtmlPages": "page",
    "main_text": "boilerplate",
    "main_texts": "boilerplate",
    "main_units": "boilerplate",
    "site_texts": "boilerplate",
}

__all__ = ["Block", "HtmlOptions", "HtmlPage", "HtmlPages", "main_text", "main_texts", "main_units", "site_texts"]

__getattr__, __dir__ = lazy(__name__, _HOMES)
