"""Long strings of JSON texts, cut into pieces that are still strings of JSON."""

from __future__ import annotations

import re
from itertools import pairwise

from ..passages.cutting import CUTS, SMALLEST, cut_pieces, strip_span

__all__ = ["cut_string"]

# An escape, or the two that stand for one character outside the basic plane.
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
# An even number of backslashes before it stands for backslashes: only then is "\n" a line end.
_LINE_END = re.compile(r"(?<!\\)(?:\\\\)*(?:\\[nr])+|\n+")
_STRING_CUTS = (_LINE_END, *CUTS[1:])


def cut_string(text: str, start: int, end: int, limit: int) -> list[tuple[int, int]]:
    """The inside [start, end) of a string in pieces of about `limit` UTF-8 bytes (at least 32), at its own borders.

    Lines (the escape counts as a line end), then clauses and words. No escape is cut, so that every piece stands
    between quotation marks as it is. Pieces come without the white space around them.
    """
    borders = [start, *(cut for _, cut in cut_pieces(text, start, end, max(limit, SMALLEST), _STRING_CUTS))]
    # Both are in order: one walk over the escapes, of which a hostile string has millions.
    escapes = _ESCAPE.finditer(text, start, end)
    escape = next(escapes, None)
    moved = []
    for border in borders:
        while escape is not None and escape.end() <= border:
            escape = next(escapes, None)
        moved.append(escape.start() if escape is not None and escape.start() < border else border)
    return [span for piece in pairwise(moved) for span in strip_span(text, *piece)]
