"""Memories on disk: saved in one step, resumed after a kill, refused when damaged."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ctxprune.errors import CtxpruneError, FormatError, InputError
from ctxprune.rag.memory import Amendment, ExtractiveWriter, StructuredMemory
from ctxprune.storage.sealed import seal

SCHEMA = {"properties": {"notes": {"type": "array", "items": {"type": "string"}}, "end": {"type": "string"}}}
WRITER = ExtractiveWriter("Who is number three?", scorer="lexical.v1")


def stream(number: int) -> list[tuple[str, str]]:
    return [(f"c{i}", f"Person {i} came. Person {i} was called number {i}. Then it rained.") for i in range(number)]


def test_a_memory_comes_back_byte_for_byte(tmp_path: Path) -> None:
    memory = StructuredMemory(SCHEMA, budget=150)
    memory.read(stream(9), WRITER)
    memory.apply("x", [Amendment("add", "/end", "one"), Amendment("add", "/end", "lone \ud800 \x00 é")])
    memory.save(tmp_path / "memory.json")
    again = StructuredMemory.load(tmp_path / "memory.json")
    assert (again.text, again.entries, again.value) == (memory.text, memory.entries, memory.value)
    assert again.to_dict() == memory.to_dict()
    for one in (memory, again):
        one.read(stream(4), WRITER)
    assert again.to_dict() == memory.to_dict()
    assert [path.name for path in tmp_path.iterdir()] == ["memory.json"]


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    StructuredMemory(SCHEMA).save(tmp_path / "m.json")
    document = json.loads((tmp_path / "m.json").read_text())
    assert (document["format"], document["version"]) == ("ctxprune.structured_memory", 2)


def test_a_stream_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = StructuredMemory(SCHEMA, budget=120)
    whole.read(stream(12), WRITER)
    path, seen = tmp_path / "m.json", []
    memory = StructuredMemory(SCHEMA, budget=120)
    memory.read(stream(5), WRITER, save_to=path, progress=seen.append)
    assert seen == [1, 2, 3, 4, 5]
    resumed = StructuredMemory.load(path)
    assert resumed.read(stream(12), WRITER, resume=True).chunks == 12
    assert resumed.to_dict() == whole.to_dict()
    with pytest.raises(InputError, match="another one"):
        StructuredMemory.load(path).read(stream(12)[1:], WRITER, resume=True)
    with pytest.raises(InputError, match="ends after 2 chunks"):
        StructuredMemory.load(path).read(stream(2), WRITER, resume=True)


READER = """
import sys
from test_store import SCHEMA, WRITER, stream
from ctxprune.rag.memory import StructuredMemory
StructuredMemory(SCHEMA, budget=200).read(stream(100_000), WRITER, save_to=sys.argv[1])
"""


def test_a_killed_reader_leaves_a_whole_memory(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n{READER}"
    process = subprocess.Popen([sys.executable, "-c", code, str(path)])
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    process.kill()
    process.wait()
    memory = StructuredMemory.load(path)
    read = memory.account.chunks
    assert 0 < read < 100_000
    whole = StructuredMemory(SCHEMA, budget=200)
    whole.read(stream(read + 3), WRITER)
    memory.read(stream(read + 3), WRITER, resume=True)
    assert memory.to_dict() == whole.to_dict()


def damage(**changes: Any) -> dict[str, Any]:
    memory = StructuredMemory(SCHEMA, budget=150)
    memory.read(stream(3), WRITER)
    return {**memory.to_dict(), **changes}


ENTRY = [0, "/notes/0", "x", "c", 0, [0, 1], 0]


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        damage(version=1),
        damage(format="other"),
        damage(schema={"properties": {"other": {}}}),
        damage(schema=3),
        damage(budget=-1),
        damage(budget=16),
        damage(budget=None),
        damage(compact_to="x"),
        damage(counter="other"),
        damage(account={}),
        damage(account=None),
        damage(lines={"entries": [ENTRY, ENTRY], "next": 1, "slots": {"/notes": 1}}),
        damage(lines={"entries": [ENTRY], "next": 0, "slots": {"/notes": 1}}),
        damage(lines={"entries": [ENTRY], "next": 1, "slots": {"/notes": "x"}}),
        damage(lines={"entries": [ENTRY[:5]], "next": 1, "slots": {}}),
        damage(lines={"entries": [[0, "/notes", "x", "c", 0, None, None]], "next": 1, "slots": {}}),
        damage(lines={"entries": [[0, "/notes/-", "x", "c", 0, None, None]], "next": 1, "slots": {}}),
        damage(lines={"entries": [[0, "/notes/0", "x", "c", -1, None, None]], "next": 1, "slots": {}}),
        damage(lines={"entries": [[0, "/notes/0", "x", "c", 0, [5, 1], None]], "next": 1, "slots": {}}),
        damage(lines={"entries": [[0, "/notes/0", "x", 3, 0, [1], None]], "next": 1, "slots": {}}),
        damage(lines={"entries": [[0, "/notes/0", 7, "c", 0, None, None]], "next": 1, "slots": {"/notes": 1}}),
        damage(lines=None),
    ],
)
def test_damaged_documents_are_refused(document: Any, tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        StructuredMemory.from_dict(document)
    if isinstance(document, dict) and document:
        (tmp_path / "m.json").write_text(seal(document))
        with pytest.raises(FormatError):
            StructuredMemory.load(tmp_path / "m.json")


@pytest.mark.parametrize("content", [b"", b"{}", b"{", b"\xff\xfe", b"[" * 100_000, b'{"format": "x"}'])
def test_damaged_files_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_bytes(content)
    with pytest.raises(FormatError, match=r"m\.json"):
        StructuredMemory.load(tmp_path / "m.json")


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    memory = StructuredMemory(SCHEMA, budget=150)
    memory.read(stream(3), WRITER)
    memory.save(tmp_path / "m.json")
    content = bytearray((tmp_path / "m.json").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "m.json").write_bytes(content)
    with pytest.raises(FormatError, match="damaged"):
        StructuredMemory.load(tmp_path / "m.json")


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    memory = StructuredMemory(SCHEMA)
    for action in (lambda: memory.save(tmp_path / "none" / "m.json"), lambda: memory.save(tmp_path)):
        with pytest.raises(InputError, match="cannot be written"):
            action()
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(CtxpruneError, match="cannot be read"):
            StructuredMemory.load(path)
    assert not [*tmp_path.iterdir()]
