"""Guesses what a file holds from its beginning: prose, Markdown, HTML, JSON, a table, a log, or no text at all."""

from __future__ import annotations

import csv
import re

from ctxprune.errors import InputError

__all__ = ["refuse_bytes", "sniff_binary", "sniff_kind"]

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

_UNPACK = "unpack it first, for instance with {}, or pipe what that gives in"
_CONVERT = "save it as text or HTML first"
# First bytes of files that are no text, what they are, and what to do with them.
_BINARY = {
    b"\x1f\x8b": ("gzip", _UNPACK.format("gunzip -c")),
    b"BZh": ("bzip2", _UNPACK.format("bzip2 -dc")),
    b"\xfd7zXZ\0": ("xz", _UNPACK.format("xz -dc")),
    b"\x28\xb5\x2f\xfd": ("zstd", _UNPACK.format("zstd -dc")),
    b"PK\x03\x04": ("zip or Office", "unpack it, or save the document as text or HTML first"),
    b"PAR1": ("Parquet", "give it as a file whose name ends with .parquet"),
    b"ARROW1": ("Arrow", "give it as a file whose name ends with .arrow"),
    b"SQLite format 3\0": ("SQLite", "ask it with ctxprune sql ask"),
    b"%PDF": ("PDF", _CONVERT),
    b"\xd0\xcf\x11\xe0": ("Office", _CONVERT),
    b"\x89PNG": ("PNG", _CONVERT),
    b"\xff\xd8\xff": ("JPEG", _CONVERT),
    b"GIF8": ("GIF", _CONVERT),
}
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # marks of UTF-16, which has zero bytes
_LOOKED_AT = 1024  # bytes among which a zero byte shows that a file is no text


def sniff_binary(data: bytes) -> tuple[str, str] | None:
    """What bytes are that are no text ("a gzip file"), and what to do with them; None for text in any encoding."""
    found = next((entry for start, entry in _BINARY.items() if data.startswith(start)), None)
    if found is not None:
        return f"a {found[0]} file", found[1]
    if b"\0" in data[:_LOOKED_AT] and not data.startswith(_WIDE):
        return "a binary file", _CONVERT
    return None


def refuse_bytes(data: bytes, error: UnicodeDecodeError, where: str) -> InputError:
    """Build the error for bytes that cannot be decoded as UTF-8.

    Args:
        data: The first bytes of the file, a thousand at least if it has as many.
        error: What decoding raised.
        where: The file's name.
    """
    if (binary := sniff_binary(data)) is not None:
        return InputError(f"this is {binary[0]}, not text", where=where, hint=binary[1])
    encoding = "UTF-16" if data.startswith(_WIDE) else "LATIN1"
    return InputError(
        f"this is not UTF-8 text (byte {error.start} is 0x{error.object[error.start]:02x})",
        where=where,
        hint=f"convert it, for instance with iconv -f {encoding} -t UTF-8",
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
