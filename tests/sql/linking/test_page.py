"""The page that explains a linked question."""

from __future__ import annotations

from html.parser import HTMLParser

from ctxprune.sql.linking.base import Linked
from ctxprune.sql.linking.page import link_page
from ctxprune.sql.linking.ranked import RankedLinker
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table
from ctxprune.sql.values.base import ValueHit

VOID = {"meta"}


class Reader(HTMLParser):
    """Fails on tags that do not nest; keeps the text, the marked words and all attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text, self.marked, self.links = "", [], []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert tag not in {"script", "link", "img", "iframe"}
        self.links += [value for name, value in attrs if name in {"src", "href"} or name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data
        if "mark" in self.open:
            self.marked.append(data)


def test_it_says_what_was_kept_what_was_dropped_and_why(library):
    question = "Which books did Emma Vale write?"
    hit = ValueHit(ColumnRef("author", "name"), "Emma Vale", (16, 25), 1.0, "exact")
    linked = RankedLinker().link(question, library, hits=[hit])
    read = Reader(link_page(linked, question))
    assert read.marked == ["Emma Vale"]
    assert "value: Emma Vale" in read.text
    assert f"{linked.schema.n_columns} of {library.n_columns}" in read.text
    for table in library.tables:
        assert table.name in read.text
        for column in table.columns:
            assert column.name in read.text or table.name not in linked.schema
    assert not read.links


def test_hostile_names_and_questions_stay_text():
    bad = '"><script>alert(1)</script>\x00\ud800'
    table = Table(bad, (Column(bad, bad, comment=bad), Column("other")), comment=bad)
    full = Schema(bad, (table, Table("gone" + bad, (Column("x"),))), (ForeignKey(bad, (bad,), bad, (bad,)),))
    ref = ColumnRef(bad, bad)
    linked = Linked(full.subset([ref]), full, {ref: 2.0}, {bad: -1.0}, {ref: (bad,)})
    read = Reader(link_page(linked, bad, bad))
    assert read.text.count("<script>") >= 8
    assert "\x00" not in read.text


def test_marks_in_the_evidence_count_from_behind_the_question():
    schema = Schema("s", (Table("t", (Column("a"), Column("b"))),))
    ref = ColumnRef("t", "a")
    hits = [ValueHit(ref, "red", (8, 11), 1.0, "exact"), ValueHit(ref, "re", (8, 10), 0.5, "lsh"),
            ValueHit(ref, "x", (90, 91), 1.0, "exact")]  # fmt: skip
    linked = Linked(schema.subset([ref]), schema, {ref: 1.0}, {"t": 1.0}, {ref: ("value: red",)}, hits)
    assert Reader(link_page(linked, "which", "a red one")).marked == ["red"]
    assert Reader(link_page(linked, "")).marked == []
