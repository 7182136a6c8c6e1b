"""What comes out, in each form."""

import pytest

from ctxprune.errors import UsageError
from ctxprune.rag import HtmlOptions, HtmlPage

PAGE = """<h1>Tea &amp; water</h1>
<p>It is <b>hot</b>: 10<sup>2</sup> &deg;C.<br>Ask<sup>[1]</sup> <a href="/a?b=1&amp;c=(2)">here</a> or
<a href="java&#10;script:no()" id=bad>not here</a>, <del>cold</del> <code>a &lt; b</code>.</p>
<ol start=3><li>three<li>four<ul><li>inner</ul><li>five</ol>
<table><caption>Kinds</caption><tr><th colspan=2>Leaf<th>Time
<tr><td rowspan=2>green<td>a | b<td>2<tr><td>c<td></table>
<pre>
  x = 1
  ```
</pre><blockquote>said<p>more</blockquote><dl><dt>pot<dd>holds tea</dl><p>1. no list <p># no title<p>&lt;p> no tag"""


def rendered(html: str, kept: list[int] | None = None, **options: object) -> str:
    page = HtmlPage(html, HtmlOptions(min_tokens=0, **options))  # type: ignore[arg-type]
    return page.render(range(len(page.units)) if kept is None else kept)


def test_html():
    assert rendered(PAGE) == (
        "<h1>Tea &amp; water</h1><p>It is hot: 10<sup>2</sup> &deg;C.<br>Ask[1] here or\nnot here, <del>cold</del> "
        "<code>a &lt; b</code>.</p>"
        '<ol><li value="3">three</li><li>four<ul><li>inner</li></ul></li><li>five</li></ol>'
        '<table><caption>Kinds</caption><tr><th colspan="2">Leaf</th><th>Time</th></tr>'
        '<tr><td rowspan="2">green</td><td>a | b</td><td>2</td></tr><tr><td>c</td><td></td></tr></table>'
        "<pre>\n  x = 1\n  ```</pre><blockquote>said<br>more</blockquote><dl><dt>pot</dt><dd>holds tea</dd></dl>"
        "<p>1. no list</p><p># no title</p><p>&lt;p> no tag</p>"
    )


def test_markdown():
    assert (
        rendered(PAGE, output="markdown", links=True)
        == """\
# Tea & water

It is hot: 10^2 °C.
Ask[1] [here](/a?b=1&c=%282%29) or not here, ~~cold~~ `a \\< b`.

3. three
4. four
   - inner
5. five

Kinds

| Leaf |  | Time |
|---|---|---|
| green | a \\| b | 2 |
| green | c |  |

````
  x = 1
  ```
````

> said

> more

pot
: holds tea

\\1. no list

\\# no title

\\<p> no tag""".replace("a \\< b", "a < b")
    )


def test_text():
    assert (
        rendered(PAGE, output="text")
        == """\
Tea & water

It is hot: 10^2 °C.
Ask[1] here or not here, cold a < b.

three

four

inner

five

Kinds
Leaf |  | Time
green | a | b | 2
green | c |

  x = 1
  ```

said

more

pot

holds tea

1. no list

# no title

<p> no tag"""
    )


def test_links_ids_and_attributes_are_kept_on_demand():
    html = (
        '<p id=i class="x y" title=\'say "so"\'>a <a href="/b?c=1&copy=2" id=j rel=me>link</a> '
        "<span lang=de>Wort</span>"
        "<table id=t><tr id=r><th id=c>h<td class=z>v</table><ul><li id=k>item</ul>"
    )
    assert rendered(html) == ("<p>a link Wort</p><table><tr><th>h</th><td>v</td></tr></table><ul><li>item</li></ul>")
    assert rendered(html, links=True, ids=True, attributes=("TITLE", "lang")) == (
        '<p id="i" title="say &quot;so&quot;">a <a href="/b?c=1&copy=2" id="j">link</a> <span lang="de">Wort</span></p>'
        '<table id="t"><tr id="r"><th id="c">h</th><td>v</td></tr></table><ul><li id="k">item</li></ul>'
    )


@pytest.mark.parametrize("target", ["javascript:x", " JavaScript:x", "java\tscript:x", "vbscript:x", "data:,x"])
def test_links_that_run_code_lose_their_target(target: str):
    assert rendered(f'<a href="{target}">a</a>', links=True) == "<p>a</p>"


def test_numbers_of_items_stay_where_others_are_left_out():
    html = "<ol><li>a<li>b<li>c<li value=9>d</ol>"
    assert rendered(html, [1, 2]) == '<ol><li value="2">b</li><li>c</li></ol>'
    assert rendered(html, [0, 3], output="markdown") == "1. a\n9. d"


def test_a_long_text_is_cut_at_sentences_and_put_together_again():
    html = f"<p>{'One sentence here. ' * 3}<b>And</b> a last one &amp; more of it.</p><p>{'x' * 100}</p>"
    page = HtmlPage(html, HtmlOptions(max_tokens=8, min_tokens=0))
    texts = [unit.text for unit in page.units]
    assert texts[:3] == ["One sentence here.", "One sentence here.", "One sentence here. And"]
    assert "".join(texts).count("x") == 100
    assert page.render(range(len(texts))) == html.replace("<b>", "").replace("</b>", "")
    assert page.render([0, 2]) == "<p>One sentence here.</p><p>One sentence here. And</p>"
    assert page.render([0, 1]) == "<p>One sentence here. One sentence here.</p>"


def test_code_is_cut_at_lines():
    page = HtmlPage("<pre>" + "a = 1  # &lt;\n" * 20 + "</pre>", HtmlOptions(max_tokens=16))
    assert len(page.units) > 3
    assert all(line == "a = 1  # <" for unit in page.units for line in unit.text.split("\n"))
    assert page.render(range(len(page.units))) == "<pre>" + "a = 1  # &lt;\n" * 19 + "a = 1  # &lt;</pre>"


def test_small_neighbours_are_one_unit():
    html = "<ul>" + "<li>item" * 30 + "</ul><div><div>Price</div><div>5 EUR</div></div><p>apart</p>"
    page = HtmlPage(html)
    assert 1 < len(page.units) < 8
    assert "Price\n5 EUR" in [unit.text for unit in page.units]
    assert page.render([0]).count("<li>item</li>") > 5


@pytest.mark.parametrize(
    "options",
    [
        {"output": "pdf"},
        {"max_tokens": 7},
        {"max_tokens": True},
        {"min_tokens": -1},
        {"attributes": "id"},
        {"attributes": ("a", 1)},
        {"encoding": None},
        {"parser": "lxml"},
        {"parser": "selectolax"},
    ],
)
def test_options_that_are_none(options: dict[str, object]):
    with pytest.raises(UsageError, match=f"{next(iter(options))} is"):
        HtmlOptions(**options)  # type: ignore[arg-type]


def test_the_parser_option_is_deprecated():
    with pytest.warns(DeprecationWarning, match="no effect"):
        options = HtmlOptions(parser="turbohtml")
    assert HtmlPage("<p>a", options).render([0]) == "<p>a</p>"


def test_quotation_marks_are_those_that_a_browser_draws():
    html = "<p>he said <q>no</q>"
    assert rendered(html) == "<p>he said <q>no</q></p>"
    assert rendered(html, output="text") == rendered(html, output="markdown") == "he said “no”"


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>x <code>&lt;div&gt;</code> y", "x `<div>` y"),
        ("<p><code>a`b</code> and <code>`</code>", "``a`b`` and `` ` ``"),
        ("<p>&amp;lt; and R&D and a &lt;b", r"\&lt; and R&D and a \<b"),
        ("<p>Title<br>=</p>", "Title\n\\="),
        ("<p><a href='/x'>a]b [c</a> [d]", r"[a\]b \[c](/x) [d]"),
        ("<blockquote><ul><li>x<li>y</ul></blockquote><p>z", "> - x\n> - y\n\nz"),
        ("<blockquote><pre>x</pre></blockquote>", "> ```\n> x\n> ```"),
    ],
)
def test_markdown_says_what_the_page_says_and_no_more(html: str, markdown: str) -> None:
    page = HtmlPage(html, HtmlOptions(output="markdown", links=True))
    assert page.render(range(len(page.units))) == markdown
