from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.rag.sniff import sniff_kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "text"),
        ("Cats sleep. Dogs bark, too.", "text"),
        ("Cats, dogs and birds.\nMore of them, here.\nAnd one more, there.\n", "text"),
        ("a < b and c > d", "text"),
        ("[see above] This is a note.", "text"),
        ("{not json}", "text"),
        ("# Title\n\nSome text.", "markdown"),
        ("Intro\n\n```\ncode\n```\n", "markdown"),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n", "table"),
        ("a | b\n--- | ---\n1 | 2\n\nAnd prose.\n", "markdown"),
        ("<!DOCTYPE html><p>x", "html"),
        ("\n<!-- hi --><html lang='en'>", "html"),
        ("<?xml version='1.0'?>\n<html>", "html"),
        ("<!-- a --> <!-- b -->\n<body>", "html"),
        ("<div><p>a</p><p>b</p></div>", "html"),
        ("<p>one</p>", "text"),
        ('{"a": 1}', "json"),
        ("[1, 2]", "json"),
        ("\ufeff[\n  {", "json"),
        ('{"a": 1}\n{"a": 2}\n', "json"),
        ("{}", "json"),
        ("name,age\nAnn,3\nBob,4\n", "csv"),
        ("name;age\nAnn;3\nBob;4,5\n", "csv"),
        ("name\tage\nAnn\t3\nBob, C\t4\n", "tsv"),
        ('name,note\nAnn,"a, b"\nBob,"c\nd"\n', "csv"),
        ("2024-01-02 10:00:00 INFO up\n2024-01-02 10:00:01 WARN slow\n  at x\n", "log"),
        ("Jan  2 10:00:00 host sshd[1]: ok\nJan  2 10:00:01 host sshd[1]: no\n", "log"),
        ('1.2.3.4 - - [02/Jan/2024:10:00:00 +0000] "GET /" 200 1\n' * 3, "log"),
        ("[2024-01-02 10:00:00] a\n[2024-01-02 10:00:00] b\n", "log"),
    ],
)
def test_kinds_by_their_looks(text, kind):
    assert sniff_kind(text) == kind


@given(st.text())
def test_any_text_has_a_kind(text):
    assert sniff_kind(text) in {"html", "json", "csv", "tsv", "table", "log", "markdown", "text"}


def test_a_long_text_is_not_read_whole():
    assert sniff_kind("name,age\n" + "Ann,3\n" * 100_000 + "no fields here") == "csv"
    assert sniff_kind("<" * 5_000_000) == "text"
    assert sniff_kind("<!--" * 5_000) == "text"
    assert sniff_kind("<!---->" * 2_000 + "<x") == "text"
    assert sniff_kind("a|b\n" + " " * 19_000 + "x") == "text"
    assert sniff_kind("a|b\n" + "-| " * 6_000 + "x") == "text"
