"""Marks that chat templates and their tokenizers read as who speaks, where a turn ends, or that a tool is called.

Nobody has a list of all of them, and new models bring new ones. So a tag without attributes counts as a mark unless it
is an element of HTML, and square brackets around capitals do, too.
"""

from __future__ import annotations

import re

from ctxprune.text.invisible import escape_character

__all__ = ["escape_marks", "find_marks"]

# "s" is missing: it was an element, but opens and ends texts in the templates of several models.
_HTML = frozenset(
    """
    a abbr address area article aside audio b base bdi bdo blockquote body br button canvas caption center cite code
    col colgroup data datalist dd del details dfn dialog div dl dt em embed fieldset figcaption figure font footer
    form h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label legend li link main map mark
    menu meta meter nav noscript object ol optgroup option output p param picture pre progress q rp rt ruby samp
    script search section select small source span strike strong style sub summary sup svg table tbody td template
    textarea tfoot th thead time title tr track tt u ul var video wbr
    """.split()  # noqa: SIM905
)
_WORDS = frozenset(
    """
    ai assistant bos bot eoa eoh eop eos eot function human image mask pad pre s sep sop system think thinking tool
    tools unk user
    """.split()  # noqa: SIM905
)
_MARKS = re.compile(
    r"<(?=[|｜])|(?<=[|｜])>"  # <|im_start|>
    r"|<(?=/?([^\W\d][\w:.-]*)\s*/?>)"  # <end_of_turn>, <extra_id_0>, <seed:bos>, <用户>
    r"|<(?=<?/?SYS>>)"  # <<SYS>>
    r"|\[(?=/?[A-Za-z]?[A-Z][A-Z_]{2,}\])"  # [INST], [gMASK]
    r"|\[(?=\|/?[A-Za-z_]{3,40}\|\])"  # [|assistant|], [|endofturn|]
    r"|\[(?=\w{1,3}~\[)|\](?=~!?\w{1,3}[\]\[])"  # [e~[, ]~b], ]~!b[
)


def escape_marks(text: str) -> str:
    r"""`text` with the first character of each mark as a visible escape such as "\\u003c"; all else stays."""
    return _MARKS.sub(_escape, text)


def find_marks(text: str) -> list[int]:
    """Where the first characters of marks stand, in order."""
    return [match.start() for match in _MARKS.finditer(text) if _is_mark(match)]


def _escape(match: re.Match[str]) -> str:
    return escape_character(match.group()) if _is_mark(match) else match.group()


def _is_mark(match: re.Match[str]) -> bool:
    name, start = match.group(1), match.start()
    if name is None:
        return True
    # of ASCII alone: where words have no blanks between them, a letter stands before nearly every mark
    letters = name.isascii() and name.isalpha()
    generic = start > 0 and match.string[start - 1].isalnum() and letters and name.lower() not in _WORDS
    return not (generic or name.lower() in _HTML)  # "list<int>" of a programming language
