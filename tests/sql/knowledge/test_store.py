"""The file of knowledge: readable, checked line by line, and safe with many writers."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.sql import Database
from ctxprune.sql.knowledge import (
    QUESTION_KINDS,
    Entry,
    Instruction,
    KnowledgeFile,
    Note,
    Pair,
    Term,
    default_path,
    entry_id,
)
from ctxprune.sql.knowledge.entries import entry_key, entry_to_dict, parse_entry

PAIR = Pair("How many cities are there?", "SELECT count(*)\nFROM city")
TERM = Term("big city", "population > 1000000", ("city.population",))
NOTE = Note("city.name", "as the people there write it: São Paulo")

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(str.strip)
kinds = st.sampled_from(QUESTION_KINDS)
columns = st.lists(texts, max_size=2).map(tuple)
entries = st.one_of(
    st.builds(Pair, texts, texts, kinds | st.just("")),
    st.builds(Term, texts, texts, columns, kinds | st.just("")),
    st.builds(Note, texts, texts, kinds | st.just("")),
    st.builds(Instruction, kinds, texts, columns),
)


@settings(deadline=None)
@given(entries)
def test_an_entry_comes_back_from_its_line(entry: Entry) -> None:
    line = json.dumps(entry_to_dict(entry), ensure_ascii=False)
    assert "\n" not in line
    assert parse_entry(json.loads(line)) == entry
    assert entry_id(entry) == entry_id(parse_entry(entry_to_dict(entry)))


def test_the_file_is_readable_and_keeps_its_order(tmp_path: Path) -> None:
    file = KnowledgeFile(tmp_path / "deep" / "shop.jsonl")
    assert not file.exists()
    change = file.add([PAIR, TERM, NOTE], database="shop")
    assert change.added == (PAIR, TERM, NOTE)
    assert file.read() == (PAIR, TERM, NOTE)
    lines = file.path.read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0]) == {"format": "ctxprune.knowledge", "version": 1, "database": "shop"}
    assert "São Paulo" in lines[3]
    assert [path.name for path in file.path.parent.iterdir()] == ["shop.jsonl"]  # no lock, no draft


def test_entries_without_a_kind_are_written_as_before(tmp_path: Path) -> None:
    file = KnowledgeFile(tmp_path / "k.jsonl")
    file.add([TERM, NOTE, Instruction("share", "in percent"), replace(NOTE, note="n", question_kind="total")])
    assert file.path.read_text(encoding="utf-8").splitlines()[1:] == [
        '{"kind": "term", "term": "big city", "meaning": "population > 1000000", "columns": ["city.population"]}',
        '{"kind": "note", "column": "city.name", "note": "as the people there write it: São Paulo"}',
        '{"kind": "instruction", "question_kind": "share", "instruction": "in percent"}',
        '{"kind": "note", "column": "city.name", "note": "n", "question_kind": "total"}',
    ]


def test_a_term_has_one_meaning_for_each_kind(tmp_path: Path) -> None:
    file = KnowledgeFile(tmp_path / "k.jsonl")
    others = [replace(TERM, meaning=kind, question_kind=kind) for kind in ("share", "total")]
    assert len(file.add([TERM, *others]).added) == 3
    newer = replace(others[0], meaning="newer")
    assert file.add([newer]).replaced == (newer,)
    assert file.read() == (TERM, newer, others[1])
    told = [Instruction("share", "a"), Instruction("share", "b"), Instruction("total", "a")]
    assert len({entry_id(entry) for entry in told}) == 3


def test_a_question_has_one_answer(tmp_path: Path) -> None:
    file = KnowledgeFile(tmp_path / "k.jsonl")
    file.add([PAIR, TERM])
    newer = Pair("how many city are there", "SELECT 1")
    assert entry_key(newer) == entry_key(PAIR)
    change = file.add([newer, TERM])
    assert (change.added, change.replaced, change.unchanged) == ((), (newer,), (TERM,))
    assert file.read() == (newer, TERM)
    before = file.path.stat().st_mtime_ns
    assert file.add([TERM]).unchanged == (TERM,)
    assert file.path.stat().st_mtime_ns == before


def test_removing_by_the_beginning_of_an_id(tmp_path: Path) -> None:
    file = KnowledgeFile(tmp_path / "k.jsonl")
    with pytest.raises(InputError, match="no such file"):
        file.remove(["p1"])
    file.add([PAIR, TERM, NOTE])
    assert file.remove([entry_id(TERM)[:5]]) == (TERM,)
    with pytest.raises(UsageError, match="no entry has the id 'x'"):
        file.remove([entry_id(PAIR), "x"])
    with pytest.raises(UsageError, match="no entry"):
        file.remove([""])
    assert file.read() == (PAIR, NOTE)
    with pytest.raises(UsageError, match="no entry has the id 'p'"):
        file.remove(["p"])  # too short to say which one is meant, though only one begins so


def test_two_entries_with_one_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = KnowledgeFile(tmp_path / "k.jsonl")
    file.add([PAIR, replace(PAIR, question="Another?")])
    monkeypatch.setattr("ctxprune.sql.knowledge.store.entry_id", lambda entry: f"pair-{len(entry.question)}")
    with pytest.raises(UsageError, match="2 entries have an id like 'pair'"):
        file.remove(["pair"])
    assert len(file.read()) == 2


HEADER = '{"format": "ctxprune.knowledge", "version": 1}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the header is missing"),
        ("[]\n", "line 1: it is not the header"),
        ('{"format": "ctxprune.knowledge", "version": 9}\n', "line 1: the version is 9"),
        (HEADER + "\n{\n", "line 3: it is not JSON"),
        (HEADER + "[" * 100_000, "line 2: it is not JSON"),
        (HEADER + "[1]", r"line 2: it is a list, not an object"),
        (HEADER + '{"kind": "rumour"}', "line 2: its kind is 'rumour', not one of pair, term, note"),
        (HEADER + '{"kind": "pair", "question": "q"}', "line 2: it lacks 'sql'"),
        (HEADER + '{"kind": "pair", "question": "q", "sql": "s", "by": "me"}', "line 2: it has an unknown field 'by'"),
        (HEADER + '{"kind": "pair", "question": " ", "sql": "s"}', "line 2: question is ' ', not a text"),
        (HEADER + '{"kind": "pair", "question": 1, "sql": "s"}', "line 2: question is 1, not a text"),
        (HEADER + '{"kind": "note", "column": "a.b", "note": "\\ud800"}', "line 2: note contains a lone surrogate"),
        (
            HEADER + '{"kind": "term", "term": "t", "meaning": "m", "columns": "a.b"}',
            "line 2: its columns are not a list",
        ),
        (HEADER + '{"kind": "term", "term": "t", "meaning": "m", "columns": [1]}', "line 2: a column of a term is 1"),
        (HEADER + '{"kind": "pair", "question": "' + "x" * 2001 + '", "sql": "s"}', "line 2: question has 2001"),
        (HEADER + '{"kind": "instruction", "instruction": "i"}', "line 2: it lacks 'question_kind'"),
        (HEADER + '{"kind": "instruction", "instruction": "i", "question_kind": ""}', "line 2: question_kind is ''"),
        (
            HEADER + '{"kind": "note", "column": "c", "note": "n", "question_kind": "sum"}',
            r"line 2: question_kind is 'sum'[\s\S]*'total'",
        ),
        (HEADER + '{"kind": "note", "column": "c", "note": "n", "question_kind": []}', "line 2: question_kind is \\[]"),
        (HEADER + "<<<<<<< ours\n", "line 2: a merge left its mark"),
        (
            HEADER + '{"kind": "pair", "question": "Q?", "sql": "a"}\n{"kind": "pair", "question": "q", "sql": "b"}',
            "line 3: it differs from line 2 about the same pair",
        ),
    ],
)
def test_errors_name_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "k.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=message) as caught:
        KnowledgeFile(path).read()
    assert str(path) in str(caught.value)
    if text:
        with pytest.raises(FormatError):
            KnowledgeFile(path).add([PAIR])
        assert path.read_text(encoding="utf-8") == text


def test_files_that_are_no_text_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "k.jsonl"
    path.write_bytes(HEADER.encode() + b'{"kind": "\xff"}')
    with pytest.raises(FormatError, match="line 2: it is not UTF-8"):
        KnowledgeFile(path).read()
    with pytest.raises(InputError, match="no such file"):
        KnowledgeFile(tmp_path / "absent.jsonl").read()
    with pytest.raises(InputError, match="cannot be read"):
        KnowledgeFile(tmp_path).read()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        KnowledgeFile(tmp_path / "file" / "k.jsonl").add([PAIR])


def test_a_path_with_a_nul_character() -> None:
    with pytest.raises(InputError, match="null byte"):
        KnowledgeFile(Path("a\0.jsonl")).read()


@pytest.mark.parametrize("name", ["shop \ud800", "Läden"])
def test_the_name_of_the_database_may_be_any_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / "k.jsonl"
    KnowledgeFile(path).add([PAIR], database=name)
    KnowledgeFile(path).add([TERM])
    assert KnowledgeFile(path).read() == (PAIR, TERM)
    header = path.read_text(encoding="utf-8").split("\n")[0]
    assert json.loads(header)["database"] == name
    assert ("Läden" in header) == (name == "Läden")


def test_what_merges_and_editors_leave_is_read(tmp_path: Path) -> None:
    path = tmp_path / "k.jsonl"
    line = json.dumps(entry_to_dict(PAIR))
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n{line}\r\n\n{line}\n".encode())
    assert KnowledgeFile(path).read() == (PAIR,)


def test_links_and_permissions_stay(tmp_path: Path) -> None:
    real = tmp_path / "repository" / "k.jsonl"
    KnowledgeFile(real).add([PAIR])
    real.chmod(0o640)
    link = tmp_path / "link.jsonl"
    link.symlink_to(real)
    KnowledgeFile(link).add([TERM])
    assert link.is_symlink()
    assert KnowledgeFile(real).read() == (PAIR, TERM)
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_threads_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "k.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: KnowledgeFile(path).add([Pair(f"question number {n}", "SELECT 1")]), range(40)))
    assert {entry.question for entry in KnowledgeFile(path).read()} == {f"question number {n}" for n in range(40)}


def _write(path: Path, writer: int) -> None:
    for n in range(10):
        KnowledgeFile(path).add([Pair(f"question {n} of {writer}", "SELECT 1")])


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "k.jsonl"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(3, mp_context=context) as pool:
        list(pool.map(_write, [path] * 3, range(3)))
    assert len(KnowledgeFile(path).read()) == 30
    assert os.listdir(tmp_path) == ["k.jsonl"]


def test_a_lock_that_is_held_too_long_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "k.jsonl"
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        from ctxprune.sql.knowledge.store import _locked

        with _locked(tmp_path / ".k.jsonl.lock", 5):
            held.set()
            done.wait(5)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    with pytest.raises(InputError, match="another process holds"):
        KnowledgeFile(path, wait=0.05).add([PAIR])
    done.set()
    thread.join()
    assert KnowledgeFile(path).add([PAIR]).added == (PAIR,)


def test_each_database_has_its_own_file(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with Database(shop) as database:
        path = default_path(database)
    assert path.parent == tmp_path / "config" / "ctxprune" / "knowledge"
    assert path.name.startswith("shop-")
    assert path.suffix == ".jsonl"
