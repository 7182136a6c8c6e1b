"""HTML pages: ten thousand made inputs.

    python tests/fuzz/fuzz_html.py [--count N]

Writes benchmarks/results/fuzz_html.json. Pages of all elements that mean something, with end tags left out or where
they do not belong, then cut, doubled, shuffled and with odd characters; some as bytes of one encoding that declare
another; some enormous in one way (nested 100,000 deep, 10,000 columns, one line of megabytes, entities, attributes).
Each is read and a part of it kept, two seconds at most. What comes out must be well formed and hold the kept units and
nothing else; each text must be in one unit; spans must lie in the source, in order, and hold the text of their units;
Markdown and text must be made. (Of those over 50,000 characters texts are not compared, and HTML alone is made.)
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from html import unescape

from fuzz_runner import ODD, fuzz, mutated, refusable

from benchmarks.common.record import record
from ctxprune.rag import HtmlOptions, HtmlPage
from ctxprune.rag.html.leaves import joined

SEED = 0
WORDS = (
    "alpha", "Beta", "1,801", "8.893", "gamma-ray", "é", "日本語。", "the end.", "x &amp; y", "&lt;p&gt;", "&nbsp;",
    "a < b",
)  # fmt: skip
BOXES = (
    "div", "p", "section", "article", "nav", "footer", "aside", "main", "ul", "ol", "li", "dl", "dt", "dd", "pre",
    "blockquote", "h1", "h2", "h3", "table", "tr", "td", "th", "thead", "tbody", "caption", "form", "details", "figure",
)  # fmt: skip
INLINE = ("a", "b", "span", "sup", "sub", "code", "em", "q", "del", "button", "label", "font")
SINGLE = (
    "<br>", "<hr>", '<img alt="a picture">', "<img alt='1 &lt; 2' src=x>", '<input value="Bob">', "<wbr>", "<col>",
    "<input type=hidden value=no>", "<!-- no -->", "<!doctype html>", "<?php no ?>", "<![CDATA[no]]>", "</>",
    "<frame src=x>",
)  # fmt: skip
UNSEEN = ("script", "style", "template", "noscript", "iframe", "video", "title", "textarea", "xmp", "noframes")
ATTRIBUTES = (
    "", "", "", "", "", ' class="x"', " hidden", ' style="display: none"', " style='color:red'", ' aria-hidden="true"',
    " id=i", ' href="/x?a=1&copy=2"', " href='javascript:no()'", ' role="navigation"', " role=presentation",
    ' a="1" a="2"', " colspan=2", ' rowspan="3"', " rowspan=0", " colspan=1000000000", ' title="<b>"', " value=7",
    " open", " lang=en/",
)  # fmt: skip
OPTIONS = (
    HtmlOptions(),
    HtmlOptions(max_tokens=8, min_tokens=0),
    HtmlOptions(min_tokens=0, links=True, ids=True, attributes=("title", "class")),
)
TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)((?: [a-z]+=\"[^\"<]*\")*)>|<|>(?=X)")
VOID = ("br",)
RAW = re.compile("<(?:xmp|plaintext|noframes|style|script)", re.IGNORECASE)  # references mean nothing there


def page(state):
    if state.random() < 0.02:
        return enormous(state)
    text = "".join(content(state, 5) for _ in range(state.randint(1, 8)))
    text = mutated(text, state, 3) if state.random() < 0.5 else text
    if state.random() < 0.15:
        declared, real = (state.choice(("utf-8", "latin-1", "shift_jis", "utf-16", "cp1251", "x")) for _ in range(2))
        real = "utf-8" if real == "x" else real
        return f'<meta charset="{declared}">{text}'.encode(real, "replace")
    return text


def content(state, depth):
    kind = state.randrange(12)
    if not depth or kind < 4:
        return " ".join(state.choices((*WORDS, *ODD) if kind == 0 else WORDS, k=state.randint(0, 6)))
    if kind == 4:
        return state.choice(SINGLE)
    if kind == 5:
        return f"<{state.choice(INLINE)}{state.choice(ATTRIBUTES)}>" + content(state, depth - 1) + ended(state, INLINE)
    if kind == 6:
        tag = state.choice(UNSEEN)
        return f"<{tag}>" + content(state, 1) + (f"</{tag}>" if state.random() < 0.95 else "")
    if kind == 7:
        return table(state, depth - 1)
    if kind == 8:
        options = "".join(f"<option{state.choice(('', ' selected'))}>{word}" for word in state.choices(WORDS, k=3))
        return f"<select{state.choice(('', ' multiple'))}>{options}" + state.choice(("</select>", ""))
    if kind == 9:
        return f"<svg{state.choice(ATTRIBUTES)}><title>drawn</title><text>in it</text><g>no</g>" + ended(
            state, ("svg",)
        )
    tag = state.choice(BOXES)
    inner = "".join(content(state, depth - 1) for _ in range(state.randint(0, 4)))
    return f"<{tag}{state.choice(ATTRIBUTES)}>{inner}" + (f"</{tag}>" if state.random() < 0.8 else ended(state, BOXES))


def ended(state, tags):
    return f"</{state.choice(tags)}>" if state.random() < 0.7 else ""


def table(state, depth):
    rows = []
    for _ in range(state.randint(0, 5)):
        cells = [
            f"<{state.choice(('td', 'td', 'th'))}{state.choice(ATTRIBUTES)}>"
            + content(state, depth if state.random() < 0.2 else 0)
            for _ in range(state.randint(0, 4))
        ]
        rows.append("<tr>" + "".join(cells))
    caption = state.choice(("", "", "<caption>lengths</caption>"))
    return f"<table{state.choice(ATTRIBUTES)}>{caption}{''.join(rows)}" + state.choice(("</table>", "</table>", ""))


def enormous(state):
    many = state.choice((1000, 30_000, 100_000))
    tag = state.choice((*BOXES, *INLINE, *UNSEEN, "svg", "math", "select", "option"))
    word = state.choice((*WORDS, *ODD))
    return state.choice(
        (
            f"<{tag}>" * many + word,
            f"<{tag}>{word}" * (many // 2),
            f"<{tag}>" * 600 + f"</{state.choice(BOXES)}>" * (many // 2) + word,
            f"<{state.choice(BOXES)}><{tag}>{word}</{tag}>" * (many // 4),
            "&amp;" * (2 * many),
            word * (2 * many),
            (word + " ") * (2 * many),
            f"<{tag} " + "a=1 " * many + ">" + word,
            f"<{tag} alt='{word * many}' title=\"{word}\">" + word,
            "<table>" + ("<tr>" + "<td>x" * (many // 10)) * 2,
            "<table>" + f"<tr><td rowspan=0>{word}<td colspan=1000000000>b" * (many // 50),
            "<table>" + "".join("<tr>" + "<td>x" * (row % 40) for row in range(many // 50)),
            "<" * many,
            "<!--" * many,
            "<a href='" * many,
            f"<pre>{word}\n" + "line\n" * many,
        )
    )


def check(given):
    options = OPTIONS[len(given) % len(OPTIONS)]
    with refusable():
        read = HtmlPage(given, options)
    units, source = read.units, read.source
    assert len(read.blocks) == len(units)
    read.grids  # noqa: B018  # made when asked for
    parts = [*joined(part for group in read.groups for part in group.parts(read.outline))]
    assert parts == [read.outline.part(run) for run in range(len(read.outline.runs))], "a text without one owner"
    place = 0
    for unit in units:
        start, end = unit.span
        assert place <= start < end <= len(source), "a span out of order"
        assert unit.text.strip()
        place = start
    kept = closed(units, range(0, len(units), 2))
    written = read.render(kept)
    well_formed(written)
    again = HtmlPage(written, options)
    if len(source) > 50_000:
        return
    same(read, kept, again)
    spans(read)
    for output in ("markdown", "text"):
        other = HtmlPage(given, HtmlOptions(output=output))
        other.render(range(0, len(other.units), 3))


def closed(units, chosen):
    """The chosen units with all that they stand under."""
    found = set()
    above = list(chosen)
    while above:
        found.update(above)
        above = [units[index].parent for index in above if units[index].parent is not None]
    return sorted(found)


def well_formed(written):
    """All tags are of lower case, closed in order, and there is no other angle bracket that opens."""
    open_ = []
    for match in TAG.finditer(written):
        assert match.group(2), f"a bare angle bracket: {written[match.start() : match.start() + 40]!r}"
        if match.group(1):
            assert open_, f"{match.group()} closes nothing"
            assert open_.pop() == match.group(2), f"{match.group()} closes another element"
        elif match.group(2) not in VOID:
            open_.append(match.group(2))
    assert not open_, f"{open_[-1]} is not closed"


def same(read, kept, again):
    """The words of the kept units are in what was written, and there are no others."""
    before = [letter for index in kept for letter in letters(read.units[index].text)]
    after = [letter for unit in again.units for letter in letters(unit.text)]
    rows = [read.groups[index] for index in kept if read.groups[index].kind in ("row", "header")]
    if any(not read.reading.is_whole(row) for row in rows):  # shown with cells from above that its units do not name
        assert set(before) <= set(after), set(before) - set(after)
    elif rows:  # cells that span rows are read in each, and shown once
        assert set(before) == set(after), set(before) ^ set(after)
    else:
        assert before == after, "".join(before)[:100] + " became " + "".join(after)[:100]


def spans(read):
    """The letters of a unit are in the source that its span gives, in order, if none comes from another row."""
    for group, unit in zip(read.groups, read.units, strict=True):
        if group.kind not in ("row", "header") and not RAW.search(read.source):
            written = read.source[slice(*unit.span)]
            resolved = iter(letters(unescape(written)))
            wanted = [letter for letter in letters(unit.text) if letter not in "</>"]  # "</>" may be nothing
            assert all(letter in resolved for letter in wanted), f"{unit.text!r} is not in its span"


def letters(text):
    return [letter for letter in text if letter not in "^|“”\x00" and not letter.isspace()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    figures = fuzz("html", page, check, count=options.count, seed=SEED)
    sys.stderr.write(json.dumps(figures) + "\n")
    if options.count == 10_000:
        record("fuzz_html", figures, seed=SEED, data={})


if __name__ == "__main__":
    main()
