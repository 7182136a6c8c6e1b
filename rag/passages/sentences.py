"""Sentences of a text as character spans: by `sentencex`, and by its lines."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.utils.validation import check_whole

from .cutting import WIDEST, cut_pieces, strip_span
from .markdown import Block
from .pieces import Whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BYTES_PER_TOKEN", "find_spans", "replace_unreadable", "sentence_spans"]

BYTES_PER_TOKEN = 4  # of the bundled tokenizer on English text, about
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]+)*")
# For the splitter, which knows "\n" and " " only, and of which some rules panic on white space of several bytes; each
# of these characters gets a stand-in of the same length.
_UNREADABLE = re.compile("[\ud800-\udfff\x00\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_STAND_INS = {
    **dict.fromkeys((0, *range(0xD800, 0xE000)), "\ufffd"),
    **dict.fromkeys(map(ord, "\x85\u2028\u2029"), "\n"),
    **dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " "),
}
# A line that starts a new item: bullet, number, heading, quotation, table row, code fence.
_ITEM = re.compile(r"\s*(?:[-*+•‣▪◦–—·]\s|\(?[0-9]{1,3}[.)]\s|\(?[A-Za-z]\)\s|#{1,6}\s|>|\||```)")
_MARKER = re.compile(r"\s*\(?(?:[0-9]{1,3}|[A-Za-z])[.)]\s*")  # the number of a list item, no sentence by itself
_FOOTNOTES = re.compile(r"(?:(?<=\S)\[\^[^\]\s]{1,20}\])*")  # Markdown's marks belong to the sentence before them
_ABBREVIATED = re.compile(r"\bapprox\.\s*\Z", re.IGNORECASE)  # which the splitter takes for an end
_WORD = re.compile(r"\w")  # without one, as in "?!", there is nothing to split
# A line without any of this is one sentence in any language: the splitter costs more than all else for a short one.
_BOUNDARY = re.compile("[.!?;:\x80-\U0010ffff]|\n[^\n]")
_WRAPPED_WIDTH = 120  # no one wraps prose by hand at more characters than this
_WINDOW = 4096  # characters the splitter sees at once
_SHORT = 0.6  # of the longest line of its paragraph: shorter lines were not ended by wrapping


def sentence_spans(text: str, *, language: str = "en", max_tokens: int = 200) -> list[tuple[int, int]]:
    """Characters [start, end) of each sentence of `text`, without the white space around it, in order.

    Sentence ends are those of `sentencex`; besides, list items, headings and lines that were not ended by wrapping
    stand alone, and longer sentences than `max_tokens` (4 UTF-8 bytes each) are cut.

    Raises:
        UsageError: max_tokens is under 8, or language is no language code.

    Examples:
        ```python
        from ctxprune.rag import sentence_spans

        print(sentence_spans("It opened in 1933. Cats sleep."))  # [(0, 18), (19, 30)]
        ```
    """
    return find_spans(text, (), {}, language=language, max_tokens=max_tokens)


def find_spans(
    text: str, blocks: Iterable[Block], wholes: dict[int, Whole], *, language: str, max_tokens: int
) -> list[tuple[int, int]]:
    """As `sentence_spans`; `blocks` stay whole, and to `wholes` the sentences that are cut are added."""
    check_whole("max_tokens", max_tokens, minimum=8)
    code = _LANGUAGE.fullmatch(language)
    if code is None:
        raise UsageError(f"language is {language!r}", hint="give an ISO 639 code such as 'en' or 'pt-BR'")
    readable = replace_unreadable(text)
    spans: list[tuple[int, int]] = []
    start = 0
    for whole in (*blocks, Block(len(text), len(text))):
        between = readable[start : whole.start]
        if between and not between.isspace():
            lines = [start + line for line in _find_line_starts(between)]
            for part in pairwise([*lines, whole.start]):
                for sentence in _split_sentences(readable, *part, code.group(1).lower()):
                    pieces = [*_sentence_spans(text, *sentence, max_tokens * BYTES_PER_TOKEN)]
                    spans += pieces
                    if len(pieces) > 1:
                        cut = Whole(pieces[0][0], pieces[-1][1], "sentence")
                        wholes |= {piece[0]: cut for piece in pieces}
        spans += _strip_block(text, whole)
        start = whole.end
    return spans


def _sentence_spans(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """The sentence [start, end) in parts of at most `limit` UTF-8 bytes, without white space at their ends."""
    if (end - start) * WIDEST <= limit:
        yield from strip_span(text, start, end)
        return
    for piece in cut_pieces(text, start, end, limit):
        yield from strip_span(text, *piece)


def replace_unreadable(text: str) -> str:
    """The text with a stand-in of the same length for each character that the splitter cannot read."""
    if _UNREADABLE.search(text) is None:
        return text
    return text.replace("\r\n", " \n").replace("\r", "\n").translate(_STAND_INS)


def _split_sentences(text: str, start: int, end: int, language: str) -> Iterator[tuple[int, int]]:
    """[start, end) cut at sentence ends, one window after the other.

    The splitter does not split inside quotes or brackets, so that one stray quotation mark would join the rest of a
    long text; a window bounds the loss. What the window cuts off is read again with the next one.
    """
    if end - start <= _WINDOW and _BOUNDARY.search(text, start, end) is None:
        empty = text.find("\n\n", start, end)  # nothing but line ends from there on
        yield start, end if empty < 0 else empty
        return
    import sentencex  # type: ignore[import-untyped]

    while start < end:
        window = text[start : min(end, start + _WINDOW)]
        if _WORD.search(window) is None:  # no words: the splitter is slow on thousands of punctuation marks
            yield start, start + len(window)
            start += len(window)
            continue
        found = sentencex.get_sentence_boundaries(language, window)
        ends = sorted({len(window), *(boundary["end_index"] for boundary in found)})
        if start + _WINDOW < end and len(ends) > 1 and ends[-2] > _WINDOW // 2:
            ends.pop()
        before = last = 0
        for end_of_sentence in ends:
            cut = _FOOTNOTES.match(window, end_of_sentence).end()  # type: ignore[union-attr]
            alone = _WORD.search(window, last, cut) is None or _MARKER.fullmatch(window, last, cut)
            last = cut
            if cut < len(window) and (alone or _ABBREVIATED.search(window, before, cut)):
                continue
            yield start + before, start + cut
            before = cut
        if not before:  # nothing but marks: to read all but one of them again would take the square of their number
            before = ends[-1]
            yield start, start + before
        start += before


def _find_line_starts(text: str) -> Iterator[int]:
    """Starts of the lines that do not merely continue the line before."""
    start = 0
    paragraph: list[tuple[int, str]] = []
    for line in text.split("\n"):
        said = line.rstrip()
        if said:
            paragraph.append((start, said))
        elif paragraph:
            yield from _find_paragraph_starts(paragraph)
            paragraph = []
        start += len(line) + 1
    yield from _find_paragraph_starts(paragraph)


def _find_paragraph_starts(lines: list[tuple[int, str]]) -> Iterator[int]:
    longest = max((len(line) for _, line in lines), default=0)
    if longest > _WRAPPED_WIDTH:
        yield from (start for start, _ in lines)
        return
    before, least = "", _SHORT * longest
    for start, line in lines:
        if len(before) < least or before[0] == "#" or _is_item(line):
            yield start
        before = line


def _is_item(line: str) -> bool:
    """Whether a line starts an item, heading or the like; for most lines the first letter decides."""
    return not (line[0].isalpha() and line[1:2] != ")") and _ITEM.match(line) is not None


def _strip_block(text: str, block: Block) -> list[tuple[int, int]]:
    """The block without the white space after it, but with its indentation; [] for the empty one at the end."""
    end = block.start + len(text[block.start : block.end].rstrip())
    return [(block.start, end)] if block.start < end else []
