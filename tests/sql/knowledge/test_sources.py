"""Files of others as entries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxprune.errors import FormatError, InputError
from ctxprune.sql.knowledge import Instruction, KnowledgeFile, Note, Pair, Term
from ctxprune.sql.knowledge.sources import read_entries

SPIDER = [
    {"db_id": "shop", "question": "How many?", "query": "SELECT 1", "query_toks": ["x"]},
    {"db_id": "bank", "question": "Which?", "query": "SELECT 2"},
]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "source"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        (json.dumps(SPIDER), (Pair("How many?", "SELECT 1"),)),
        (json.dumps(SPIDER, indent=2), (Pair("How many?", "SELECT 1"),)),
        ("\n".join(map(json.dumps, SPIDER)), (Pair("How many?", "SELECT 1"),)),
        ('{"question": "q", "SQL": "SELECT 3", "evidence": ""}', (Pair("q", "SELECT 3"),)),
        ('{"kind": "term", "term": "t", "meaning": "m"}\n\n', (Term("t", "m"),)),
        ('question,sql\nq,"SELECT a,\nb"\n', (Pair("q", "SELECT a,\nb"),)),
        ("\ufeffid,Query,Question\n7,SELECT 1,q\n", (Pair("q", "SELECT 1"),)),
        ('term,meaning\nvip,"a, b"\n', (Term("vip", "a, b"),)),
        ("column,note\na.b,n\n", (Note("a.b", "n"),)),
        ("column,note,question_kind\na.b,n,\na.b,m, Total\n", (Note("a.b", "n"), Note("a.b", "m", "total"))),
        ("question,sql,question_kind\nq,s,count\n", (Pair("q", "s", "count"),)),
        ("term,meaning,question_kind\nt,m,share\n", (Term("t", "m", question_kind="share"),)),
        ("question_kind,instruction\nshare,in percent\n", (Instruction("share", "in percent"),)),
    ],
)
def test_what_is_read(tmp_path: Path, text: str, entries: tuple[object, ...]) -> None:
    assert read_entries(written(tmp_path, text), "SHOP") == entries


def test_another_file_of_knowledge(tmp_path: Path) -> None:
    file = KnowledgeFile(tmp_path / "k.jsonl")
    file.add([Term("t", "m"), Pair("q", "s")], database="elsewhere")
    assert read_entries(file.path, "shop") == (Term("t", "m"), Pair("q", "s"))
    file.path.write_text(file.path.read_text() + "{}\n")
    with pytest.raises(FormatError, match="line 4"):
        read_entries(file.path, "shop")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "neither JSON nor CSV"),
        ("a,b\n1,2\n", "neither JSON nor CSV"),
        ("question,sql\n", "nothing about this database"),
        ("question,sql\nq,\n", "line 2: sql is '', not a text"),
        ("question_kind,instruction\nsum,i\n", "line 2: question_kind is 'sum'"),
        ("question_kind,instruction\n,i\n", "line 2: question_kind is ''"),
        ('question,sql\nq,"open\n', "it is not CSV"),
        (json.dumps([SPIDER[1]]), "nothing about this database"),
        ("[{]", "not JSON"),
        ('[{"question": "q"}]', "example 1 has no question or no query"),
        ('{"kind": "term", "term": "t", "meaning": "m"}\n{"kind": "x"}', "line 2: its kind is 'x'"),
        ('[{"question": "' + "x" * 3000 + '", "sql": "s"}]', "question has 3000 characters"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_entries(written(tmp_path, text), "shop")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_entries(tmp_path / "absent", "shop")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        read_entries(tmp_path / "binary", "shop")


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("question,sql\nq,SELECT 1\nempty?,\nr,SELECT 2\n", "line 3: the question 'empty?' has no query"),
        ('question,query\nq,SELECT 1\n"a\nb",  \nr,SELECT 2\n', "line 4: the question 'a b' has no query"),
        (
            '[{"question": "q", "sql": "SELECT 1"}, {"question": "e", "sql": ""},'
            ' {"question": "r", "SQL": "SELECT 2"}]',
            "example 2: the question 'e' has no query",
        ),
        (
            '{"question": "q", "query": "SELECT 1"}\n{"question": "e", "query": null}\n'
            '{"question": "r", "sql": "SELECT 2"}',
            "example 2: the question 'e' has no query",
        ),
    ],
)
def test_questions_without_a_query_are_passed_over_and_named(tmp_path: Path, text: str, row: str) -> None:
    path, empty = written(tmp_path, text), list[str]()
    assert read_entries(path, "shop", on_empty=empty.append) == (Pair("q", "SELECT 1"), Pair("r", "SELECT 2"))
    assert empty == [row]
    with pytest.raises(InputError, match=row.partition(":")[0]):
        read_entries(path, "shop")


def test_a_file_without_any_query_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, "question,sql\nq,\n")
    with pytest.raises(InputError, match="no question of the file has a query"):
        read_entries(path, "shop", on_empty=lambda _: None)
    missing = written(tmp_path, '[{"question": "q"}]')  # a mistake of the file, and no empty cell
    with pytest.raises(InputError, match="example 1 has no question or no query"):
        read_entries(missing, "shop", on_empty=lambda _: None)
