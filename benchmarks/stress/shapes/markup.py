"""Markdown and HTML."""

# what is made reads best on one line

from __future__ import annotations

from typing import TYPE_CHECKING

from .making import fixed, made, nest, sentence, word

if TYPE_CHECKING:
    from .making import Shape

__all__ = ["HTML", "MARKDOWN"]

MARKDOWN: dict[str, Shape] = {
    "paragraphs": made(lambda i: sentence(i) + ("\n\n" if i % 5 == 4 else " ")),
    "sections": made(lambda i: f"{'#' * (i % 6 + 1)} {word(i)}\n\n{sentence(i)}\n\n"),
    "headings": made(lambda i: f"# {word(i)}\n"),
    "headings, ever deeper": made(lambda i: f"{'#' * (i % 6 + 1)} {word(i)}\n"),
    "underlined headings": made(lambda i: f"{word(i)}\n===\n\n"),
    "number signs": fixed("#"),
    "number signs and spaces": fixed("# "),
    "open images": fixed("!["),
    "images": made(lambda i: f"![{word(i)}](https://a.example/{i}.png) "),
    "open links": fixed("["),
    "open links and words": made(lambda i: f"[{word(i)} "),
    "links": made(lambda i: f"[{word(i)}](https://a.example/{i}) "),
    "nested links": lambda size: nest("[", "](a)", size),
    "link definitions": made(lambda i: f"[{word(i)}]: https://a.example/{i}\n"),
    "open fences": fixed("```\n~~~x\n"),
    "fences of many lengths": made(lambda i: "`" * (i % 40 + 3) + "x\n"),
    "fences ever longer": lambda size: "".join("`" * i + "x\n" for i in range(3, int((2 * size) ** 0.5))),
    "fences that do not close": made(lambda i: ("```x\n", "~~~\n", "$$a\n")[i % 3]),
    "one fence": made(lambda i: f"{word(i)} = {i}\n", "```\n", "```\n"),
    "fenced blocks": made(lambda i: f"```py\n{word(i)} = {i}\n```\n\n"),
    "backticks": fixed("`"),
    "code spans": made(lambda i: f"`{word(i)}` "),
    "asterisks": fixed("*"),
    "emphasis": made(lambda i: f"**{word(i)}** *{word(i)}* "),
    "open emphasis": fixed("*a **a "),
    "underscores": fixed("_a_"),
    "list items": made(lambda i: f"* {word(i)}\n"),
    "nested list items": made(lambda i: f"{'  ' * (i % 50)}- {word(i)}\n"),
    "indented code": made(lambda i: f"    {word(i)} = {i}\n"),
    "indented code after empty lines": made(lambda i: f"\n    {word(i)}\n"),
    "quotations": made(lambda i: f"> {word(i)}\n"),
    "deep quotations": fixed(">" * 200 + " a\n"),
    "one table": made(lambda i: f"| {word(i)} | {i} |\n", "| a | b |\n|---|---|\n"),
    "tables": made(lambda i: f"| a | b |\n|---|---|\n| {word(i)} | {i} |\n\n"),
    "pipes": fixed("|"),
    "rules": fixed("---\n"),
    "one long rule": fixed("-"),
    "front matter": made(lambda i: f"{word(i)}: {i}\n", "---\n", "---\n"),
    "HTML in it": made(lambda i: f"<div>{word(i)}</div>\n"),
    "formulas": made(lambda i: f"$$\nx_{i} = {i}\n$$\n\n"),
}


def _deep_html(size: int) -> str:
    return nest("<div>", "</div>", size)


HTML: dict[str, Shape] = {
    "page": made(lambda i: f"<h2>{word(i)}</h2><p>{sentence(i)} <a href=/{i}>{word(i)}</a></p>\n"),
    "paragraphs on one line": made(lambda i: f"<p>{word(i)}</p>"),
    "open paragraphs": fixed("<p>"),
    "open paragraphs and words": made(lambda i: f"<p>{word(i)}"),
    "one text": made(lambda i: f"{word(i)} ", "<p>"),
    "one word": fixed("a", "<p>"),
    "spaces": fixed(" ", "<p>"),
    "less-than signs": fixed("<"),
    "less-than and letter": fixed("<a"),
    "open tags": made(lambda i: f"<a{i} "),
    "open tag": made(lambda i: f" a{i}=b", "<p", ">x"),
    "open attribute": fixed("a ", '<p a="'),
    "open comments": fixed("<!--"),
    "comments": made(lambda i: f"<!-- {i} -->a"),
    "divs, deep": _deep_html,
    "divs, open": fixed("<div>a"),
    "fonts, deep": lambda size: nest("<font>", "</font>", size),
    "bold, open": fixed("<b>a"),
    "misnested": fixed("<b><i>a</b>c</i>"),
    "misnested blocks": fixed("<b><p>a</b>c</p>"),
    "links, open": made(lambda i: f"<a href={i}>{word(i)}"),
    "one table": made(lambda i: f"<tr><td>{word(i)}</td><td>{i}</td></tr>", "<table><tr><th>a<th>b</tr>"),
    "one row": made(lambda i: f"<td>{word(i)}", "<table><tr>"),
    "tables": made(lambda i: f"<table><tr><th>a<th>b<tr><td>{word(i)}<td>{i}</table>"),
    "tables, deep": lambda size: nest("<table><tr><td>", "</table>", size),
    "open tables": fixed("<table>"),
    "text in tables": fixed("<table>a"),
    "colspans": made(lambda i: f"<tr><td colspan=1000>{i}<td>a", "<table>"),
    "rowspans": made(lambda i: f"<tr><td rowspan=65534>{i}<td>a", "<table>"),
    "list items": made(lambda i: f"<li>{word(i)}", "<ul>"),
    "lists, deep": lambda size: nest("<ul><li>", "</li></ul>", size),
    "headings": made(lambda i: f"<h{i % 6 + 1}>{word(i)}</h{i % 6 + 1}>"),
    "breaks": fixed("a<br>"),
    "images": fixed('<img src=a alt="river">'),
    "references": fixed("&amp;"),
    "open references": fixed("&amp"),
    "one script": fixed("a = '<p>';\n", "<script>", "</script>"),
    "scripts": fixed("<script>a</script>b"),
    "options": made(lambda i: f"<option>{word(i)}", "<select>"),
    "end tags": fixed("</p>"),
}
