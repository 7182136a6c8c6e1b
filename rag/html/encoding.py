"""From the bytes of a page to its characters, in the order that the HTML standard looks for the encoding."""

from __future__ import annotations

import codecs
import re

__all__ = ["decode"]

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_WIDE = ((b"<\x00", "utf-16-le"), (b"\x00<", "utf-16-be"))  # no page of one-byte units starts so
_PRESCAN = 1024  # bytes in which a meta element may declare the encoding
_META = re.compile(rb"<!--.*?(?:-->|\Z)|<meta[\s/][^>]*?charset\s*=\s*[\"']?\s*([^\s\"'/>;]+)", re.I | re.S)
# Names that the standard reads as a larger or another encoding than Python does.
_STANDARD = {
    "ascii": "cp1252",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "shift_jis": "cp932",
    "tis-620": "cp874",
    # What a meta element in readable ASCII cannot be.
    "utf-16": "utf-8",
    "utf-16-be": "utf-8",
    "utf-16-le": "utf-8",
    "utf-32": "utf-8",
    "utf-7": "utf-8",
}
_NOT_FOR_PAGES = frozenset({"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "mbcs", "oem"})


def decode(data: bytes, transport: str = "") -> str:
    """The characters of `data`, without a byte order mark; never an error.

    A byte order mark decides, or a first "<" of two bytes, else `transport` (the charset of the Content-Type header),
    else a meta element within the first 1,024 bytes, else UTF-8 if the bytes are valid, else windows-1252. Where the
    declared encoding is plainly wrong, the bytes decide: valid UTF-8 beyond ASCII is read as UTF-8 whatever legacy
    encoding was declared, and declared UTF-8 with more broken than whole characters as windows-1252. Other broken bytes
    become U+FFFD.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    for start, name in _WIDE:
        if data.startswith(start):
            return data.decode(name, "replace")
    try:
        return data.decode("utf-8") if not _wide(transport) else data.decode(_wide(transport), "replace")
    except UnicodeDecodeError:
        pass
    name = _known(transport) or _declared(data) or ""
    if name in ("", "utf-8"):
        text = data.decode("utf-8", "replace")
        broken = text.count("\ufffd")
        whole = sum(1 for byte in data if byte >= 0xC0) - broken
        return text if name and whole >= broken else data.decode("cp1252", "replace")
    return data.decode(name, "replace")


def _declared(data: bytes) -> str:
    for match in _META.finditer(data[:_PRESCAN]):
        if match.group(1):
            return _known(match.group(1).decode("ascii", "replace"))
    return ""


def _known(label: str) -> str:
    """Python's name of the encoding, as the standard reads the label; "" for one that is not for pages."""
    try:
        name = codecs.lookup(label.strip()).name if label.strip() else ""
    except (LookupError, ValueError):
        return ""
    # CPython marks codecs such as base64 by this attribute, which other Pythons may lack.
    if name in _NOT_FOR_PAGES or not getattr(codecs.lookup(name or "utf-8"), "_is_text_encoding", True):
        return ""
    return _STANDARD.get(name, name)


def _wide(transport: str) -> str:
    """The encoding if the transport declared one whose ASCII is not ASCII; only the transport can."""
    name = transport.strip().lower().replace("_", "-")
    return name if name in ("utf-16", "utf-16le", "utf-16be", "utf-16-le", "utf-16-be") else ""
