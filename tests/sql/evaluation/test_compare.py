"""Two runs compared: counts, McNemar, intervals, pages."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.sql.evaluation.compare import compare, mcnemar, read_results
from ctxprune.sql.evaluation.journal import Journal
from ctxprune.sql.evaluation.outcome import Result
from ctxprune.sql.evaluation.page import comparison_page, run_page, wilson
from ctxprune.sql.evaluation.report import Evaluation


def results(right: str, **more) -> tuple[Result, ...]:
    """One item a letter: 1 right, 0 wrong."""
    levels = ("easy", "hard")
    return tuple(
        Result(at, "shop", levels[at % 2], f"SELECT {flag} -- <b>&", right=flag == "1", **more)
        for at, flag in enumerate(right)
    )


def test_counts_and_figures():
    found = compare(results("1110010"), results("1101010"))
    assert (found.both, found.only_a, found.only_b, found.neither) == (3, 1, 1, 2)
    assert found.metrics[0].name == "ex"
    assert found.metrics[0].a == pytest.approx(400 / 7)
    assert found.metrics[0].difference == pytest.approx(0)
    assert found.levels == {"easy": (4, 50, 25), "hard": (3, pytest.approx(200 / 3), pytest.approx(100))}
    assert [(one["index"], one["right"]) for one in found.differing] == [(2, "a"), (3, "b")]
    assert found.p_value == 1


def test_the_order_of_items_does_not_matter_and_unshared_items_are_left_out():
    a, b = results("110100"), results("011010")
    whole = compare(a, b).to_dict()
    assert compare(a[::-1], b[::-1]).to_dict() == whole
    assert compare(a, b[:4]).to_dict()["left_out"] == 2
    turned = compare(b, a)
    assert turned.metrics[0].difference == -compare(a, b).metrics[0].difference
    assert (turned.only_a, turned.only_b) == (compare(a, b).only_b, compare(a, b).only_a)


def test_the_interval_holds_the_difference_and_shrinks():
    a, b = "1100" * 25, "1110" * 25
    small, large = compare(results(a[:40]), results(b[:40])), compare(results(a * 4), results(b * 4))
    for found in (small, large):
        one = found.metrics[0]
        assert one.low <= one.difference == 25 <= one.high
        assert one.low > 0
    assert large.metrics[0].high - large.metrics[0].low < small.metrics[0].high - small.metrics[0].low
    wide = compare(results(a), results(b), confidence=0.99).metrics[0]
    assert wide.low < compare(results(a), results(b)).metrics[0].low
    assert compare(results(a), results(a)).metrics[0].low == 0


def test_further_metrics():
    a = [replace(one, soft_f1=0.5, exact=False, ratio=1.0) for one in results("1010")]
    b = [replace(one, soft_f1=0.1 * one.index, exact=True, ratio=4.0) for one in results("1111")]
    found = {one.name: one for one in compare(a, b).metrics}
    assert found["soft_f1"].difference == pytest.approx(15 - 50)
    assert found["exact_match"].difference == 100
    assert found["r_ves"].b == pytest.approx(100 * 1.25**0.5)
    assert [one.name for one in compare(a, results("1111")).metrics] == ["ex"]


@pytest.mark.parametrize(("x", "y", "p"), [(0, 0, 1), (1, 0, 1), (5, 5, 1), (0, 6, 2 / 64), (1, 9, 22 / 1024)])
def test_mcnemar_by_hand(x: int, y: int, p: float):
    assert mcnemar(x, y) == mcnemar(y, x) == pytest.approx(p)


def test_mcnemar_on_thousands():
    assert mcnemar(3000, 3000) == 1
    assert 0 <= mcnemar(1000, 2000) < 1e-60


def test_wrong_pairs():
    with pytest.raises(UsageError, match="no item in common"):
        compare(results("1"), ())
    with pytest.raises(UsageError, match="other sets"):
        compare(results("1"), [replace(results("1")[0], db_id="other")])
    with pytest.raises(UsageError, match="confidence"):
        compare(results("1"), results("1"), confidence=1)


def test_files(tmp_path: Path):
    found = results("101")
    with Journal(tmp_path / "log", {}, Result.load) as journal:
        for one in found[::-1]:
            journal.add(one)
    assert read_results(tmp_path / "log") == found
    document = tmp_path / "run.json"
    document.write_text(json.dumps(Evaluation(found).to_dict(items=True)), encoding="utf-8")
    assert read_results(document) == found
    for text, error in (("{}", InputError), ('{"verdicts": [{"index": 1}]}', InputError), ("x\n", FormatError)):
        document.write_text(text, encoding="utf-8")
        with pytest.raises(error):
            read_results(document)
    with pytest.raises(InputError, match="cannot be read"):
        read_results(tmp_path / "nowhere")


def test_wilson():
    low, high = wilson(8, 10)
    assert (low, high) == (pytest.approx(49.02, abs=0.01), pytest.approx(94.33, abs=0.01))
    assert wilson(0, 0) == (0, 100)
    assert wilson(0, 5)[0] == pytest.approx(0)
    assert wilson(5, 5)[1] == pytest.approx(100)


class Checker(HTMLParser):
    """Every element closed, nothing loaded from elsewhere, no scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        assert tag not in {"script", "link", "img", "iframe"}
        assert not {name for name, _ in attrs} & {"src", "href", "onclick"}
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_pages_hold_figures_and_escape_everything():
    a = [replace(one, error="rejected", exact=True, soft_f1=0.5) if not one.right else one for one in results("10100")]
    evaluation = Evaluation(tuple(a), run={"set": "<set>", "mode": "official", "rule": {"name": "spider"}})
    one = {"index": 3, "db_id": "shop", "why": "safe mode: <refused>"}
    page = run_page(evaluation, title="<b>system</b>", differences=[one])
    assert "40.00 %" in page
    assert "<svg" in page
    assert "<b>" not in page
    assert "&lt;refused&gt;" in page
    assert "the database rejected the prediction" in page
    two = comparison_page(compare(a, results("11111")), a="<i>a", b="b & c")
    assert "+60.00" in two
    assert "<i>a" not in two
    for text in (page, two):
        checker = Checker()
        checker.feed(text)
        assert {"svg", "rect", "table"} <= checker.seen
        assert checker.open == []
