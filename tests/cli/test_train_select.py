"""`ctxprune train select`: chosen lines as they were, and what is said of the others."""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from ctxprune.cli import main


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(rows: list[dict[str, object]], name: str = "data.jsonl", end: str = "\n") -> list[bytes]:
    """The lines of a file with a space that JSON does not need, so that a line written anew would differ."""
    lines = [(json.dumps(row).replace(": ", " :  ") + end).encode() for row in rows]
    Path(name).write_bytes(b"".join(lines))
    return lines


def selected(*words: str) -> tuple[list[bytes], dict[str, object]]:
    assert main(["train", "select", "data.jsonl", *words, "--out", "chosen.jsonl", "--json"]) == 0
    return Path("chosen.jsonl").read_bytes().splitlines(keepends=True), {}


def test_lines_are_unchanged_and_questions_whole(capsysbinary: pytest.CaptureFixture[bytes]):
    rows = [{"query": f"q{n % 5}", "passage": f"text {n}", "source": "ab"[n % 2]} for n in range(20)]
    lines = written(rows, end="\r\n")
    assert main(["train", "select", "data.jsonl", "--by", "random", "--share", "0.4"]) == 0
    shown = capsysbinary.readouterr()
    kept = shown.out.splitlines(keepends=True)
    assert kept == [line for line in lines if line in kept]
    assert len(kept) == 8
    assert set(Counter(json.loads(line)["query"] for line in kept).values()) == {4}
    assert b"8 of 20 lines kept (12 not chosen)" in shown.err
    assert main(["train", "select", "data.jsonl", "--by", "random", "--share", "0.4"]) == 0
    assert capsysbinary.readouterr().out == shown.out
    assert main(["train", "select", "data.jsonl", "--by", "random", "--share", "0.4", "--seed", "3"]) == 0
    assert capsysbinary.readouterr().out != shown.out


def test_rare_words_first(capsys: pytest.CaptureFixture[str]):
    texts = ["the the the", "the cat", "zebra quagga", "the the cat"]
    lines = written([{"text": text} for text in texts])
    counts = Counter(" ".join(texts).split())

    def slow(text: str) -> float:
        return sum(min(0.0, math.log(math.sqrt(1e-4 * 10 / counts[word]))) for word in text.split()) / len(text.split())

    assert sum(counts.values()) == 10
    for number in (1, 2, 3):
        kept, _ = selected("--by", "frequency", "--share", str(number / 4))
        best = sorted(texts, key=slow, reverse=True)[:number]
        assert kept == [line for line, text in zip(lines, texts, strict=True) if text in best]
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report == {"by": "frequency", "lines": 4, "kept": 3, "dropped": {"not chosen": 1}}


def test_right_answers_stay(capsys: pytest.CaptureFixture[str]):
    rows = [
        {"question": "6 * 7?", "output": "It is 42", "answer": 42},
        {"question": "6 * 7?", "output": "It is 41", "answer": 42},
        {"question": "6 * 7?", "output": "It is 42", "answer": 42},
        {"question": "6 * 7?", "output": "6 times 7, #### 42", "answer": 42},
        {"question": "6 * 7?"},
        {"question": "6 * 8?", "output": "It is 48", "answer": 47},
        {"question": "6 * 8?", "output": "It is 48", "answer": 48},
    ]
    lines = written(rows)
    kept, _ = selected("--by", "answer")
    assert kept == [lines[0], lines[3], lines[6]]
    report = json.loads(capsys.readouterr().out)
    assert report["dropped"] == {"another result": 2, "repeated": 1, "no output or no answer": 1}


def test_programs_that_give_the_answer_stay(capsys: pytest.CaptureFixture[str]):
    place = Path("sets/database/shop")
    place.mkdir(parents=True)
    with sqlite3.connect(place / "shop.sqlite") as database:
        database.execute("CREATE TABLE item (name TEXT, price REAL)")
        database.executemany("INSERT INTO item VALUES (?, ?)", [("pen", 2.0), ("ink", 5.0)])
    database.close()
    rows = [
        {"db_id": "shop", "program": "SELECT name FROM item WHERE price > 3", "answer": "ink"},
        {"db_id": "shop", "program": "SELECT name FROM item WHERE price < 3", "answer": "ink"},
        {"db_id": "shop", "program": "SELECT name FROM items", "answer": "ink"},
        {"db_id": "shop", "program": "DROP TABLE item", "answer": "ink"},
        {
            "db_id": "shop",
            "program": "SELECT price, name FROM item",
            "gold": "SELECT name, price FROM item ORDER BY 2 DESC",
        },
        {"db_id": "shop", "program": "SELECT name FROM item", "answer": [["ink"], ["pen"]]},
        {"db_id": "shop", "program": "SELECT name FROM item", "answer": [{"a": 1}, [[1]]]},
        {"db_id": "shop", "program": "SELECT name FROM item"},
        {"program": "6 * 7", "answer": 42},
    ]
    lines = written(rows)
    kept, _ = selected("--by", "program", "--databases", "sets")
    assert kept == [lines[0], lines[4], lines[5], lines[8]]
    report = json.loads(capsys.readouterr().out)
    assert report["dropped"] == {"another result": 1, "the program fails": 2, "no program or no answer": 2}
    with sqlite3.connect(place / "shop.sqlite") as database:
        assert database.execute("SELECT count(*) FROM item").fetchone() == (2,)
    database.close()
    for name in ("other", "../shop", ".."):
        written([{"db_id": name, "program": "SELECT 1", "answer": 1}])
        assert main(["train", "select", "data.jsonl", "--by", "program", "--databases", "sets"]) == 1
        assert "there is no database" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--by", "random"], "random needs a share"),
        (["--by", "answer", "--share", "0.5"], "keeps all that is right"),
        (["--by", "random", "--share", "2"], "share is 2"),
        (["--by", "el2n", "--share", "0.5"], "el2n needs a model"),
        (["--by", "best", "--share", "0.5"], "no selector is named 'best'"),
        (["--by", "random", "--share", "0.5", "--json"], "cannot both go to stdout"),
        (["--by", "random", "--share", "0.5", "--out", "data.jsonl"], "this file is read"),
        (["--by", "program"], "name the folder of the databases"),
    ],
)
def test_what_is_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    written([{"text": "a"}, {"program": "b", "answer": 1, "output": "1", "db_id": "x"}])
    assert main(["train", "select", "data.jsonl", *words]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--by", "answer"], 'no line has "output" and "answer" [data.jsonl]: answer needs it'),
        (["--by", "program"], 'no line has "program" and "answer" or "gold" [data.jsonl]: program needs it'),
        (["--by", "frequency", "--share", "0.5"], 'no line has "query" or "question" or "passage"'),
    ],
)
def test_a_file_without_the_fields_is_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    texts = {} if "frequency" in words else {"output": "1", "program": "1"}
    written([{"label": 1, **texts}, {"label": 0, "answer": None, "text": None, **texts}])
    assert main(["train", "select", "data.jsonl", *words, "--out", "chosen.jsonl"]) == 1
    assert said in capsys.readouterr().err
    assert not Path("chosen.jsonl").exists()


@pytest.mark.parametrize(("by", "said"), [("paser", "--full"), ("domains", "--full"), ("selectivity", "--related")])
def test_what_a_choice_by_a_model_needs_is_named_before_it_is_loaded(
    by: str, said: str, capsys: pytest.CaptureFixture[str]
):
    written([{"text": "a"}])
    assert main(["train", "select", "data.jsonl", "--by", by, "--share", "0.5", "--model", "absent"]) == 1
    assert f"[{said}]: name" in capsys.readouterr().err


def test_a_byte_order_mark_is_no_part_of_the_first_line():
    lines = written([{"text": "a"}, {"text": "b"}])
    Path("data.jsonl").write_bytes(b"\xef\xbb\xbf" + b"".join(lines))
    assert selected("--by", "random", "--share", "1")[0] == [b"\xef\xbb\xbf" + lines[0], lines[1]]


def test_sources_are_shown_as_short_names(capsys: pytest.CaptureFixture[str]):
    written([{"text": "a", "source": "s" * 100_000}, {"text": "b", "source": {"a": ["x" * 100_000]}}])
    selected("--by", "random", "--share", "1")
    assert json.loads(capsys.readouterr().out)["sources"] == {"": [1, 1], "s" * 100: [1, 1]}


def test_files_that_are_no_lines(capsys: pytest.CaptureFixture[str]):
    cases = {b"": "holds no lines", b"[1]\n": "line 1 is no JSON object", b"{\n": "line 1 is not JSON"}
    cases |= {b'{"a": 1}\r{"a": 2}\r': "carriage return", b"{}\n\xff\n": "line 2 is not UTF-8 text"}
    # as text these have as many lines as they have of bytes, or fewer, but other ones
    cases |= {b'{"a": 1}\r{"a": 2}\n{"a": 3}\n\n': "line 1 holds a carriage return alone"}
    cases |= {b'{"a": 1}\n{"a": 2}\r\r\n{"a": 3}\n\n': "line 2 holds a carriage return alone"}
    for content, said in cases.items():
        Path("data.jsonl").write_bytes(content)
        assert main(["train", "select", "data.jsonl", "--by", "random", "--share", "0.5"]) == 1
        assert said in capsys.readouterr().err


def mixed() -> list[bytes]:
    """30 lines: 20 of "web" about cats, 10 of "wiki" about oil."""
    rows = [{"text": f"the cat number {n} sleeps", "source": "web"} for n in range(20)]
    rows += [{"text": f"oil price number {n} rises", "source": "wiki", "lang": "en"} for n in range(10)]
    Path("like.jsonl").write_text('{"text": "prices of oil rise"}\n', "utf-8")
    return written(rows)


def test_a_mix_of_sources_is_exact_and_said(capsys: pytest.CaptureFixture[str]):
    lines = mixed()
    kept, _ = selected("--mix", "web=1,wiki=3", "--share", "0.4")
    assert sum(line in lines[20:] for line in kept) == 9
    assert len(kept) == 12
    report = json.loads(capsys.readouterr().out)
    assert report["by"] == "random"
    assert report["mix"] == {"web": [3, 3], "wiki": [9, 9]}
    assert report["sources"] == {"web": [20, 3], "wiki": [10, 9]}
    assert selected("--mix", "web=1,wiki=3", "--share", "0.4")[0] == kept
    assert len(selected("--mix", "web=1,wiki=1")[0]) == 20
    assert main(["train", "select", "data.jsonl", "--mix", "web=1,wiki=1", "--out", "x.jsonl"]) == 0
    assert "web: 10 of 10 asked for" in capsys.readouterr().err
    assert len(selected("--mix", "en=1", "--source-field", "lang")[0]) == 10


def test_a_question_that_does_not_fit_a_mix_is_passed_over(capsys: pytest.CaptureFixture[str]):
    written([{"query": f"q{n // 3}", "passage": "x", "source": "a"} for n in range(9)])
    assert main(["train", "select", "data.jsonl", "--mix", "a=1", "--share", "0.5", "--out", "x.jsonl"]) == 0
    assert "a: 3 of 4 asked for: the lines of further questions do not fit" in capsys.readouterr().err
    assert main(["train", "select", "data.jsonl", "--mix", "a=1", "--share", "0.2", "--out", "y.jsonl"]) == 1
    assert "no question has so few lines" in capsys.readouterr().err
    assert not Path("y.jsonl").exists()


@pytest.mark.parametrize("words", [("--reference", "like.jsonl"), ("--related", "like.jsonl")])
def test_lines_like_given_ones(words: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    lines = mixed()
    kept, _ = selected(*words, "--share", "0.3")
    assert set(kept) <= set(lines[20:])
    assert len(kept) == 9
    assert json.loads(capsys.readouterr().out)["by"] == ("importance" if "--reference" in words else "nearest")
    explored, _ = selected(*words, "--share", "0.3", "--explore", "0.5")
    assert set(explored) & set(lines[:20])
    assert len(explored) == 9
    assert sum(line in lines[20:] for line in selected(*words, "--mix", "web=1,wiki=1", "--share", "0.2")[0]) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--share", "0.5"], "it is not said how lines are chosen [--by]"),
        (["--mix", "web=1,blog=1"], "no source of the lines is named 'blog'"),
        (["--mix", "web=1,wiki=1", "--share", "0.9"], "--share 0.6666 or less"),
        (["--mix", "web"], "NAME=WEIGHT"),
        (["--mix", "web=1", "--share", "0"], "share is 0"),
        (["--mix", "web=1", "--by", "answer"], "does not go with answer [--mix]"),
        (["--mix", "web=1", "--by", "el2n", "--model", "absent"], "does not go with --model [--mix]"),
        (["--by", "random", "--share", "0.5", "--explore", "1"], "explore is 1"),
        (["--by", "importance", "--share", "0.5"], "importance needs lines of what is wanted [--reference]"),
        (["--by", "nearest", "--share", "0.5"], "nearest needs data of the target task [--related]"),
        (["--by", "random", "--share", "0.5", "--related", "like.jsonl"], "random does not use it [--related]"),
        (["--reference", "absent.jsonl", "--share", "0.5"], "absent.jsonl"),
        (["--reference", "like.jsonl", "--share", "0.5", "--out", "like.jsonl"], "this file is read"),
        (["--reference", "like.jsonl"], "importance needs a share"),
    ],
)
def test_what_a_mix_and_a_comparison_refuse(words: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    mixed()
    assert main(["train", "select", "data.jsonl", *words]) == 1
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


def test_one_line(capsys: pytest.CaptureFixture[str]):
    lines = written([{"text": "a", "source": "s"}])
    for words in (["--by", "random", "--share", "0.01"], ["--mix", "s=1"], ["--by", "frequency", "--share", "1"]):
        assert selected(*words)[0] == lines


def test_long_names_and_pipes(capsys: pytest.CaptureFixture[str]):
    long = ["s" * 150 + end for end in "ab"]
    written([{"text": str(n), "source": long[n % 2]} for n in range(10)])
    selected("--mix", f"{long[0]}=1,{long[1]}=1")
    assert json.loads(capsys.readouterr().out)["mix"] == {long[0]: [5, 5], long[1]: [5, 5]}
    assert main(["train", "select", "data.jsonl", "--mix", "other=1"]) == 1
    assert len(capsys.readouterr().err) < 400
    os.mkfifo("pipe")
    assert main(["train", "select", "pipe", "--mix", "other=1"]) == 1
    assert "it is a pipe" in capsys.readouterr().err
