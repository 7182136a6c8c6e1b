"""The generation cache: a second run costs nothing, from several threads and processes."""

from __future__ import annotations

import runpy
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.errors import FormatError, InputError, ModelError
from ctxprune.llm.base import ChatAnswer, Message, Sampling
from ctxprune.llm.cache import CachedModel, GenerationCache

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "sql" / "generate" / "chat_fakes.py")))

TURN = [Message("user", "Häuser?")]


def test_the_second_call_does_not_reach_the_model(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "cache.sqlite"
    model = fakes.saying("SELECT 'ä\n'")
    first = CachedModel(model, GenerationCache(path)).complete(TURN, Sampling(n=2, temperature=0.5))
    again = CachedModel(model, GenerationCache(path)).complete(TURN, Sampling(n=2, temperature=0.5))
    assert len(model.prompts) == 1
    assert [replace(answer, cached=False) for answer in again] == list(first)
    assert all(answer.cached for answer in again)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"temperature": 0.1},
        {"max_tokens": 9},
        {"n": 2},
        {"stop": (";",)},
    ],
)
def test_whatever_decides_the_answer_is_in_the_key(tmp_path: Path, other: dict[str, object]) -> None:
    model = fakes.saying("SELECT 1")
    cached = CachedModel(model, GenerationCache(tmp_path / "c.sqlite"))
    cached.complete(TURN, Sampling())
    cached.complete(TURN, replace(Sampling(), **other))
    assert len(model.prompts) == 2


def test_prompt_role_and_model_are_in_the_key_and_the_deadline_is_not(tmp_path: Path) -> None:
    cache = GenerationCache(tmp_path / "c.sqlite")
    model = fakes.saying("SELECT 1")
    CachedModel(model, cache).complete(TURN, Sampling())
    CachedModel(model, cache).complete(TURN, Sampling(seconds=1.0))
    assert len(model.prompts) == 1
    CachedModel(model, cache).complete([Message("system", "Häuser?")], Sampling())
    CachedModel(model, cache).complete([Message("user", "Haeuser?")], Sampling())
    model.fingerprint = "other"
    CachedModel(model, cache).complete(TURN, Sampling())
    assert len(model.prompts) == 4
    assert len(cache) == 4


def test_failures_are_not_kept(tmp_path: Path) -> None:
    cache = GenerationCache(tmp_path / "c.sqlite")
    with pytest.raises(ModelError):
        CachedModel(fakes.raising(ModelError("down")), cache).complete(TURN, Sampling())
    assert CachedModel(fakes.SilentModel(), cache).complete(TURN, Sampling()) == []
    assert len(cache) == 0


def test_fewer_answers_than_asked_for_are_not_kept(tmp_path: Path) -> None:
    class Stingy:
        fingerprint, given = "stingy", 1

        def complete(self, messages: object, sampling: Sampling) -> list[ChatAnswer]:
            return [ChatAnswer(f"SELECT {turn}") for turn in range(self.given)]

    model = Stingy()
    cached = CachedModel(model, GenerationCache(tmp_path / "c.sqlite"))
    assert len(cached.complete(TURN, Sampling(n=3))) == 1
    model.given = 3
    assert [answer.cached for answer in cached.complete(TURN, Sampling(n=3))] == [False] * 3
    assert [answer.cached for answer in cached.complete(TURN, Sampling(n=3))] == [True] * 3


def test_threads_share_one_file(tmp_path: Path) -> None:
    cache = GenerationCache(tmp_path / "c.sqlite")
    model = CachedModel(fakes.FakeModel(lambda prompt, _s, _i: prompt), cache)

    def work(number: int) -> str:
        return model.complete([Message("user", str(number % 20))], Sampling())[0].text

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(200))) == [str(number % 20) for number in range(200)]
    assert len(cache) == 20


def test_processes_share_one_file(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    script = (
        "import sys\nfrom ctxprune.llm.cache import GenerationCache\n"
        "from ctxprune.llm.base import ChatAnswer\n"
        "cache = GenerationCache(sys.argv[1])\n"
        "for i in range(40): cache.put(f'{sys.argv[2]}-{i}', 'm', [ChatAnswer('x')])\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, str(path), str(n)]) for n in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert len(GenerationCache(path)) == 120


def test_first_answers_stay(tmp_path: Path) -> None:
    cache = GenerationCache(tmp_path / "c.sqlite")
    cache.put("k", "m", [ChatAnswer("first")])
    cache.put("k", "m", [ChatAnswer("second")])
    assert cache.get("k") == [ChatAnswer("first", cached=True)]
    assert cache.get("unknown") is None


def test_another_file_is_not_touched(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("these are notes, not a database " * 40)
    before = text.read_bytes()
    with pytest.raises(FormatError, match="no generation cache"):
        GenerationCache(text)
    assert text.read_bytes() == before
    foreign = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE city (name TEXT)")
    before = foreign.read_bytes()
    with pytest.raises(FormatError, match="another SQLite database"):
        GenerationCache(foreign)
    assert foreign.read_bytes() == before


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    GenerationCache(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE meta SET version = 99")
    with pytest.raises(FormatError, match="99"):
        GenerationCache(path)


def test_a_damaged_entry_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    cache = GenerationCache(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO generation VALUES ('k', 'm', '{')")
    with pytest.raises(FormatError, match="damaged"):
        cache.get("k")


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="folder"):
        GenerationCache(tmp_path / "file" / "c.sqlite")


def test_a_file_that_cannot_be_written_does_not_cost_the_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = GenerationCache(tmp_path / "c.sqlite")
    with closing(sqlite3.connect(cache.path)) as connection, connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON generation BEGIN SELECT RAISE(ABORT, 'full'); END")
    cached = CachedModel(fakes.saying("SELECT 1"), cache)
    assert [answer.text for answer in cached.complete(TURN, Sampling())] == ["SELECT 1"]
    assert "not kept" in caplog.text
