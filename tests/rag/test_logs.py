"""Logs as contexts: records, templates, one of each kind first, exact spans."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import TokenBudget, as_counter, prune
from ctxprune.context import JoinedContext
from ctxprune.errors import UsageError
from ctxprune.rag import Log, Passage
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.structured.log import LogScorer

STACK = """\
2026-03-01 10:00:09,001 ERROR [main] shop.Pay - charge 17 failed
java.lang.IllegalStateException: no key
\tat shop.Pay.charge(Pay.java:88)
\tat shop.Main.run(Main.java:12)
Caused by: java.io.IOException: vault closed

\t... 3 more"""
LINES = [
    f"2026-03-01 10:00:0{k},{k * 7:03} INFO [worker-{k}] shop.Http - GET /cart/{k * 31} 200 in {k} ms" for k in range(8)
]
NAMES = ("alice", "bob", "eve", "dan", "kim", "lee", "max", "sue")
LOG = "\n".join([*LINES, STACK, "2026-03-01 10:01:00,000 WARN [main] shop.Pay - vault opened again", ""])


def test_a_record_is_a_line_with_its_stack_trace() -> None:
    log = Log(LOG)
    assert [unit.text for unit in log.units] == [
        *LINES,
        STACK,
        "2026-03-01 10:01:00,000 WARN [main] shop.Pay - vault opened again",
    ]
    assert all(LOG[slice(*unit.span)] == unit.text for unit in log.units)
    assert log.templates == (0,) * 8 + (1, 2)
    assert log.patterns[0] == "* INFO [worker-*] shop.Http - GET * * in * ms"
    assert log.render(range(10)) is LOG
    assert log.render([]) == ""
    assert log.kind == "log"


def test_what_is_left_out_is_counted_by_its_template() -> None:
    log = Log(LOG)
    assert log.render([0, 2, 9]) == (
        f"{LINES[0]}\n{LINES[2]}\n… 6 more like this\n{log.units[9].text}\n… 1 more of other kinds\n"
    )
    assert Log(LOG, notes=False).render([0, 2]) == f"{LINES[0]}\n{LINES[2]}\n"
    many = Log("\n".join(f"took {number} ms" for number in range(1205)))
    assert many.render([0]) == "took 0 ms\n… 1,204 more like this\n"
    assert many.render([3, 4]).startswith("took 3 ms\ntook 4 ms\n… 1,203")


def test_line_ends_are_those_of_the_source() -> None:
    log = Log("took 1 ms\r\ntook 2 ms\r\n\r\nWARN a\r\ntook 3 ms")
    assert log.render([0, 1]) == "took 1 ms\r\ntook 2 ms\r\n… 1 more like this\r\n… 1 more of other kinds\r\n"
    assert log.render([1, 2]) == "took 2 ms\r\n… 2 more like this\r\n\r\nWARN a\r\n"
    assert log.render([3]) == "took 3 ms\r\n… 2 more like this\r\n… 1 more of other kinds"
    assert Log(log.text, notes=False).render([0, 3]) == "took 1 ms\r\ntook 3 ms"


@pytest.mark.parametrize(
    ("lines", "patterns"),
    [
        (["user alice logged in", "user bob logged in", "user eve logged out"], 3),
        ([f"user {name} logged in" for name in NAMES], 1),
        ([f"{user} opened {file}.txt" for user in NAMES for file in "abcdefgh"], 1),
        (["Nov 26 04:11:02 host sshd[12]: ok", "Nov  6 14:11:02 host sshd[7]: ok", "Dec 31 00:00:00 host sshd[1]: ok"],
         1),
        (['10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326',
          '10.9.8.7 - - [11/Oct/2000:13:55:36 -0700] "GET /b/c HTTP/1.0" 200 1'], 1),
        (["id 0x00ff closed", "id 0xdeadbeef closed", "id 0x1 closed"], 1),
        (["key 550e8400-e29b-41d4-a716-446655440000 gone", "key 123e4567-e89b-12d3-a456-426614174000 gone"], 1),
        (["sent to a@b.org via https://x.org/a?b=1", "sent to c.d@e-f.com via http://y.org"], 1),
        (["cannot read '/etc/a b'", "cannot read '/var/x'"], 1),
        (['{"level": "info", "msg": "paid order 12"}', '{"level": "error", "msg": "paid order 13"}'], 2),
        (['{"level": "info", "msg": "paid order 12"}', '{"level": "info", "msg": "paid order 13"}'], 1),
    ],
)  # fmt: skip
def test_templates(lines: list[str], patterns: int) -> None:
    assert len(Log("\n".join(lines)).patterns) == patterns


def test_the_budget_goes_to_one_of_each_kind_first() -> None:
    rng = random.Random(0)
    lines = [f"2026-03-01 10:{minute:02}:00 INFO http GET /cart/{rng.randrange(9999)} 200" for minute in range(60)] * 20
    lines[700] = "2026-03-01 10:40:00 INFO http GET /cart/8841 200"
    lines[900] = "2026-03-01 10:00:01 ERROR pay: charge refused by bank"
    lines[1100] = "2026-03-01 10:20:01 INFO job: nightly report written"
    log = Log("\n".join(lines) + "\n")
    for question in ("What went wrong?", "What about cart 8841?"):
        found = prune(question, log, scorer=LogScorer(), policy=TokenBudget(110))
        assert as_counter().count(found.output) <= 110
        assert lines[900] in found.output
        assert lines[1100] in found.output
        assert "more like this" in found.output
        assert (lines[700] in found.output) == ("8841" in question)


def test_scores_of_a_template_fall_and_other_contexts_are_scored_as_before() -> None:
    log = Log(LOG)
    scores = LogScorer().score("Which cart?", log)
    assert scores.dtype == np.float32
    assert (scores >= 0).all()
    assert (np.diff(np.sort(scores[:8])[::-1]) <= 0).all()
    assert scores[8] > scores[1]
    passage = Passage("The tower is tall. Pears.")
    assert LogScorer().score("tower", passage).tolist() == LexicalScorer().score("tower", passage).tolist()
    assert LogScorer().score("x", Log("")).shape == (0,)
    joined = LogScorer().score("Which cart?", JoinedContext([log, Log(LINES[0])]))
    assert joined[10] < joined[1] < joined[0]
    with pytest.raises(UsageError, match="scorer is"):
        LogScorer(LexicalScorer)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["", " ", "a 1", "a 2", "\tat x", "ERROR b", "2026-01-01 c", "\r", "}", "é\u2028x"]),
        max_size=12,
    ),
    st.data(),
)
def test_any_lines(lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(lines)
    log = Log(text, notes=False)
    end = 0
    for unit in log.units:
        assert unit.span is not None
        assert text[end : unit.span[0]].strip() == ""
        assert text[slice(*unit.span)] == unit.text
        end = unit.span[1]
    assert text[end:].strip() == ""
    assert log.render(range(len(log.units))) == text
    kept = sorted(data.draw(st.sets(st.sampled_from(range(len(log.units)))))) if log.units else []
    left = log.render(kept)
    if len(kept) < len(log.units):
        assert [line for line in left.splitlines() if line.strip()] == [
            line for index in kept for line in log.units[index].text.splitlines() if line.strip()
        ]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 2_000_000, "a-" * 500_000, "a." * 500_000, "/" * 500_000, "'" * 300_000, "\" " * 300_000, "0a" * 500_000,
        "a@" * 300_000, "a:/" * 300_000, "1.2:" * 300_000, "\n" * 500_000, "Nov " * 300_000, "w " * 300_000,
        " x\n" * 200_000, "\n".join(f"w{'abcdefghij'[k % 10]} {k} {'z' * (k % 97)}" for k in range(50_000)),
    ],
    ids=lambda text: repr(text[:4]),
)  # fmt: skip
def test_odd_texts_take_no_longer_than_others(text: str) -> None:
    start = time.process_time()
    log = Log(text)
    log.render(range(0, len(log.units), 2))
    assert time.process_time() - start < 4


def test_only_text_is_taken() -> None:
    with pytest.raises(UsageError, match="text is a bytes"):
        Log(b"x")


@pytest.mark.parametrize(
    ("calm", "bad"),
    [
        ([f'level=info msg="request {n} done"' for n in range(40)],
         'level=info msg="disk failure: fatal error, data lost"'),
        ([f"INFO job {name} done" for name in NAMES], "INFO job failed done"),
    ],
)  # fmt: skip
def test_what_alarms_in_a_masked_place_is_seen(calm: list[str], bad: str) -> None:
    log = Log("\n".join([*calm, bad]))
    assert len(log.patterns) == 1
    assert LogScorer().score("What went on?", log).argmax() == len(calm)


@pytest.mark.parametrize("users", [200, 20_000, 60_000])
def test_parameters_are_found_in_any_number_of_lines(users: int) -> None:
    names = ("".join("abcdefghij"[int(digit)] for digit in str(n)) for n in range(users))
    assert Log("\n".join(f"INFO user {name} logged in ok" for name in names)).patterns == ("INFO user * logged in ok",)


def test_time_grows_with_lines_of_many_different_words() -> None:
    def seconds(count: int) -> float:
        rng = random.Random(count)
        words = ["".join(rng.choices("abcdefghij", k=5)) for _ in range(55 * count)]
        text = "\n".join(" ".join(words[55 * n : 55 * n + 55]) for n in range(count))
        start = time.process_time()
        assert len(Log(text).patterns) == count
        return time.process_time() - start

    seconds(100)
    few = min(seconds(1000) for _ in range(2))
    assert few < 0.4
    assert min(seconds(4000) for _ in range(2)) < 8 * few


def test_of_a_long_record_the_beginning_makes_the_template() -> None:
    dumps = [f"2026-01-01 12:00:00 INFO dump {'ab ' * 30_000}{tail} ERROR" for tail in ("left", "right")]
    log = Log("\n".join([*dumps, "2026-01-01 12:00:01 INFO ready"]))
    assert log.templates == (0, 0, 1)
    # A word of alarm behind the first 65,536 characters says nothing of the record.
    scores = LogScorer().score("Is it ready?", log)
    assert scores[2] > scores[0]
    assert scores[0] < 0.4
