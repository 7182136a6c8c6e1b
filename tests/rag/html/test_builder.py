"""What a reader sees of a page, and in which boxes."""

import gzip
import json
from pathlib import Path

import pytest

from ctxprune.errors import UsageError
from ctxprune.rag.html.builder import build


def runs(html: str, **options: object) -> list[str]:
    """Each run as its element and its text."""
    tree = build(html, **options)  # type: ignore[arg-type]
    columns = zip(tree.run_frames, tree.run_firsts, tree.run_lasts, strict=True)
    return [f"{tree.tags[frame]}: {' '.join(''.join(tree.data[first:last]).split())}" for frame, first, last in columns]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        # End tags that may be left out, or do not belong.
        ("<p>a<p>b<div>c</div>d", ["p: a", "p: b", "div: c", "body: d"]),
        ("<ul><li>a<li>b<ul><li>c</ul>d</ul>", ["li: a", "li: b", "li: c", "li: d"]),
        ("<li>a<div>b<li>c", ["li: a", "div: b", "li: c"]),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", ["dt: a", "dd: b", "dt: c", "dd: d"]),
        ("<h1>a<h2>b</h1>c", ["h1: a", "h2: b", "body: c"]),
        ("<div><p>a</div>b", ["p: a", "body: b"]),
        ("<div>a</section>b</div>c", ["div: ab", "body: c"]),
        ("a</p>b", ["body: a", "body: b"]),
        ("a</body></html>b", ["body: ab"]),
        ("<table><tr><td>a<td>b<tr><th>c</table>d", ["td: a", "td: b", "th: c", "body: d"]),
        ("<table><td>a<tbody><tr><td>b<table><td>c</table>d", ["td: a", "td: b", "td: c", "td: d"]),
        ("<div><table><tr><td>a</div>b</table>c", ["td: ab", "div: c"]),
        ("<table><caption>a<tr><td>b", ["caption: a", "td: b"]),
        ("<td>a<td>b</td>c", ["body: a", "body: b", "body: c"]),
        ("<blockquote>a<hr>b", ["blockquote: a", "blockquote: b"]),
        # What is not shown.
        ("a<script>if (b < c) {'</p>'}</script><style>d</style>e", ["body: ae"]),
        ("a<template><p>b</template><noscript><p>c</noscript><iframe>d</iframe>e", ["body: a", "body: e"]),
        ("a<span style='color:red; DISPLAY : none'>b<i>c</i></span>d", ["body: ad"]),
        ("<div hidden>a<p>b</div>c<p style=visibility:hidden>d<p>e", ["body: c", "p: e"]),
        ("<td><table><tr><td>a<span hidden>b<td>c", ["td: a", "td: c"]),
        ("a<i aria-hidden=true>b</i><div aria-hidden=true>c</div>", ["body: a", "div: c"]),
        (
            "<dialog>a</dialog><dialog open>b</dialog><details><summary>c</summary>d",
            ["dialog: b", "summary: c", "details: d"],
        ),
        ("a<!-- b --><![CDATA[c]]><?d?>e<video>f</video>", ["body: ae"]),
        ("a<span hidden>b<span>c</span>d</span>e<br hidden>f", ["body: aef"]),
        ("<title>a</title>b<title>c</title>", ["body: b"]),
        # What is shown in its way.
        ("<svg><title>a</title><g>b</g><text>c</text><style>d</style></svg>e", ["body: a ce"]),
        ("<math alttext='x^2'><mi>x</mi></math>a<math><mi>y</mi><annotation>z</annotation></math>", ["body: x^2ay"]),
        ("<select><option>a<option selected>b<option>c</select>d", ["body: b d"]),
        ("<select><optgroup label=x><option>a<option>b</select>", ["body: a"]),
        ("<span hidden><select><option selected>a<option>b</span><option selected>c", ["body: c"]),
        ("<select multiple><option>a<option>b", ["body: a b"]),
        ("<textarea>a <b></textarea><button>c</button>", ["body: a <b> c"]),
        (
            "<input value=a><input type=hidden value=b><input type=password value=c><input type=image alt=d>",
            ["body: ad"],
        ),
        ("<img alt='a &lt; b'><img alt=''>c", ["body: a < bc"]),
        ("a<br>b</br>c<br><br>", ["body: a b c"]),
        ("a<wbr>b&shy;c&nbsp;d", ["body: ab\xadc d"]),
        ("<xmp>a<b>&lt;</xmp><listing>c<b>d</b></listing><plaintext>e</plaintext>f", None),
        ("<frameset><frame src=x></frameset><noframes>a</noframes>", []),
        ("", []),
        (" \n\t<p> </p><br>&nbsp;", []),
    ],
)
def test_runs(html: str, expected: list[str] | None):
    if expected is None:
        expected = ["xmp: a<b>&lt;", "listing: cd", "plaintext: e</plaintext>f"]
    assert runs(html) == expected


def test_the_title_of_the_page():
    assert build("<title>\n a &amp; b </title><svg><title>c</title></svg><title>d</title>").title == "a & b"
    assert build("<p>no title").title == ""


def test_elements_beyond_the_deepest_stand_beside_each_other():
    tree = build("<div>" * 600 + "a" + "</div>" * 600 + "b")
    assert len(tree.tags) == 512
    assert runs("<div>" * 600 + "a" + "</div>" * 600 + "b") == ["div: a", "body: b"]


def test_links_are_counted_in_pieces():
    tree = build("a <a href=x>b <i>c</i></a> d <a name=y>e</a> <a href=z>f")
    bounds = [*tree.links, len(tree.data)]
    linked = "".join("".join(tree.data[first:last]) for first, last in zip(bounds[::2], bounds[1::2], strict=True))
    assert linked == "b cf"


@pytest.mark.parametrize(
    "html", ["a\r\nb<p>c\rd<p>e", "\ufeffa<p>\ud800b<p>c\0d", "é😀<p>b\u2028c", "a &amp; b<p>&notit;"]
)
def test_offsets_are_those_of_the_source(html: str):
    tree = build(html)
    assert tree.source == html
    for frame in range(1, len(tree.tags)):
        start, end = tree.span(frame)
        assert html[start:].startswith("<p>")
        assert end == len(html) or html[end:].startswith("<p>")


def test_there_is_one_parser():
    assert runs("<p>a", parser="turbohtml") == ["p: a"]
    with pytest.raises(UsageError, match="parser is 'selectolax'"):
        build("<p>a", parser="selectolax")


def serialize_tree(page: str) -> str:
    """The page as lexbor writes the tree that it builds: every tag that the standard implies stands in it."""
    lexbor = pytest.importorskip("selectolax.lexbor")
    return lexbor.LexborHTMLParser(page.replace("\x00", " ")).html


def test_implied_tags_make_no_difference():
    html = "<title>T</title><p>a &lt; b<table><tr><td title='<b>'>1<td>2<tr><td>3</table><div hidden>x</div>c"
    whole = serialize_tree(html)
    assert whole.startswith("<html><head><title>T</title></head><body><p>a &lt; b")
    assert build(html).title == build(whole).title == "T"
    assert runs(html) == runs(whole)


PAGES = Path(__file__).resolve().parents[4] / "shared" / "data" / "rag"


@pytest.mark.data
@pytest.mark.parametrize("name", ["wtq_html/dev_pages", "article_extraction/dev", "websrc_sample/pages"])
def test_real_pages_are_read_as_the_standard_builds_their_trees(name: str):
    """The boxes of a page are those of the tree that lexbor, a peer, builds of it."""
    file = PAGES / f"{name}.jsonl.gz"
    if not file.exists():
        pytest.skip(f"no {file.name}")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        pages = [json.loads(line)["html"] for _, line in zip(range(25), lines, strict=False)]
    assert pages
    for page in pages:
        assert runs(page) == runs(serialize_tree(page))
