"""From bytes to characters."""

import codecs

import pytest

from ctxprune.rag import HtmlOptions, HtmlPage
from ctxprune.rag.html.encoding import decode

TEXT = "Grüße aus Łódź"


@pytest.mark.parametrize(
    ("data", "transport", "expected"),
    [
        (TEXT.encode(), "", TEXT),
        (codecs.BOM_UTF8 + TEXT.encode(), "latin-1", TEXT),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "", TEXT),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-8", TEXT),
        (TEXT.encode("utf-16-le"), "utf-16le", TEXT),
        (f"<p>{TEXT}".encode("utf-16-le"), "", f"<p>{TEXT}"),
        (f"<p>{TEXT}".encode("utf-16-be"), "utf-8", f"<p>{TEXT}"),
        ("Grüße".encode("latin-1"), "", "Grüße"),
        ("Grüße – “so”".encode("cp1252"), "iso-8859-1", "Grüße – “so”"),
        (b"<meta charset=iso-8859-2>" + TEXT.encode("iso-8859-2"), "", f"<meta charset=iso-8859-2>{TEXT}"),
        (b'<META http-equiv=x content="text/html; charset=cp1251">\xcf\xf0', "", None),
        (b"<meta charset=shift_jis>" + "日本".encode("shift_jis"), "", "<meta charset=shift_jis>日本"),
        (b"<meta charset=gb2312>" + "镕".encode("gbk"), "", "<meta charset=gb2312>镕"),
        (b"<!-- <meta charset=cp1251> -->" + "é".encode("latin-1"), "", "<!-- <meta charset=cp1251> -->é"),
    ],
)
def test_the_encoding_is_found(data: bytes, transport: str, expected: str | None):
    found = decode(data, transport)
    assert found.endswith("Пр") if expected is None else found == expected


def test_a_wrong_declaration_is_survived():
    assert decode(b"<meta charset=iso-8859-1>" + TEXT.encode()).endswith(TEXT)
    assert decode(b"<meta charset=utf-8>" + "Grüße".encode("latin-1")).endswith("Grüße")
    assert decode(b"<meta charset=utf-16>" + TEXT.encode()).endswith(TEXT)
    assert decode(b"<meta charset=nonsense>" + TEXT.encode()).endswith(TEXT)
    assert decode(b"<meta charset=zlib>\xe9").endswith("é")
    assert decode((TEXT * 5).encode() + b"\xff", "utf-8").endswith("ź\ufffd")


def test_any_bytes_are_read():
    for codec in ("utf-8", "shift_jis", "big5", "euc-kr", "gb18030", "utf-16", "idna", "rot13", "undefined", "\0", ""):
        assert isinstance(decode(bytes(range(256)), codec), str)


def test_a_page_of_bytes():
    page = HtmlPage("<p>Grüße".encode("latin-1"), HtmlOptions(encoding="latin-1"))
    assert page.source == "<p>Grüße"
    assert page.units[0].text == "Grüße"
