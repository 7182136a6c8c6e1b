"""Guesses the kind of a text from its beginning: prose, Markdown, HTML, JSON, a table or a log."""

from __future__ import annotations

import csv
import re

__all__ = ["sniff_kind"]

_READ = 20_000  # characters that are read
_LINES = 20  # lines on which tables and logs are judged
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.I)
_TAG = re.compile(r"</(?:a|div|h[1-6]|li|ol|p|section|span|table|td|th|tr|ul)\s*>", re.I)
_COMMENTS = 8  # comments that are skipped
_CLOSED = 3  # end tags from which a text that starts with "<" is a fragment of HTML
_RULE = re.compile(r"\|? *:?-+:? *(?:\| *:?-+:? *)+\|?")
_MARKDOWN = re.compile(r"(?m)^(?:#{1,6} \S|```|\[[^\]\n]+\]: \S)")
# Starts of log lines: ISO dates, times, syslog, Unix seconds, the common log format of web servers, levels.
_STAMP = re.compile(
    r"\W{0,2}(?:\d{4}[-/]\d\d[-/]\d\d[T ]|\d\d[-/:]\d\d[-/:]\d\d|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d|\d{10}[. ]"
    r"|\S+ \S+ \S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:|(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL)\b)"
)


def sniff_kind(text: str) -> str:
    """Guess the kind of `text`: "html", "json", "csv", "tsv", "table" (Markdown), "log", "markdown" or "text".

    Only the first 20,000 characters are read and nothing is parsed: what looks like JSON may be invalid. Anything else,
    an empty text too, is "text".
    """
    head = text[:_READ].lstrip("\ufeff")
    # The order matters: a page holds tables and code, a Markdown table holds commas, a log has as many fields a line.
    if _HTML.match(_skip_prologue(head)) or (head.lstrip()[:1] == "<" and len(_TAG.findall(head)) >= _CLOSED):
        return "html"
    if re.match(r"\s*(?:\{\s*[\"}]|\[\s*(?:[\[{\"\]]|-?\d[\d.eE+-]*\s*[,\]]|(?:true|false|null)\b))", head):
        return "json"
    lines = [line for line in head.splitlines() if line.strip()]
    if len(text) > _READ:
        lines = lines[:-1]  # the last one may be incomplete
    lines = lines[:_LINES]
    if len(lines) > 1 and _RULE.fullmatch(lines[1].strip()) and "|" in lines[0]:
        return "table" if all("|" in line for line in lines) else "markdown"
    if len(lines) > 1 and sum(map(bool, map(_STAMP.match, lines))) * 2 > len(lines):
        return "log"
    for kind, delimiter in (("tsv", "\t"), ("csv", ","), ("csv", ";")):
        if _is_delimited(lines, delimiter):
            return kind
    return "markdown" if _MARKDOWN.search(head) else "text"


def _skip_prologue(head: str) -> str:
    """`head` without an XML declaration and comments before the page."""
    head = head.lstrip()
    for start, stop in (("<?xml", "?>"), *[("<!--", "-->")] * _COMMENTS):
        if head.startswith(start):
            head = head.partition(stop)[2].lstrip()
    return head


def _is_delimited(lines: list[str], delimiter: str) -> bool:
    """Whether three or more lines all have the same number of fields, at least two, that are no parts of sentences."""
    if len(lines) < 3 or delimiter not in lines[0]:
        return False
    try:
        rows = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return False
    # A quoted field may continue over several lines, so that the last row may be incomplete.
    width = len(rows[0])
    if width < 2 or any(len(row) != width for row in rows[:-1]):
        return False
    fields = [field for row in rows for field in row]
    # In prose a comma is followed by a space; in delimited files it hardly ever is.
    return sum(field[:1] == " " for field in fields) * 2 < len(fields)
