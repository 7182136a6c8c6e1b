"""The figures of `bench html`, against values worked out by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from ctxprune.errors import InputError
from ctxprune.rag.evaluation.html import find_gold_span, measure_articles, measure_questions, token_f1
from ctxprune.rag.evaluation.html_sets import PageItem, read_pages

ROWS = "".join(f"<tr><td>{name}<td>{number}</tr>" for number, name in enumerate("abcdefghij", start=100))
PAGE = f"<p>Before it.</p><table><tr><td><table><tr><td>x<tr><td>y</table></table><table tid=7>{ROWS}</table>"


class Last:
    """The later the better."""

    def score(self, query, context):
        return np.arange(len(context.units), dtype=np.float32)


def item(*answers: str, **changes) -> PageItem:
    return PageItem("p", PAGE, question="which?", answers=answers, **({"gold_table": 2} | changes))


def test_retention_counts_questions_with_all_answers_in_the_gold_table() -> None:
    report = measure_questions([item("109", "J"), item("100"), item("Before")], Last()).to_dict()
    assert report["items"] == 2
    assert report["answer_retention"] == {"5": 0, "10": 0, "20": 50}
    assert "elements_kept" not in report
    assert report["tokens_kept"]["20"] <= 20
    assert report["ms_per_page"] > 0
    assert report["mb_per_s"] > 0


def test_an_element_counts_where_all_of_it_is_kept() -> None:
    questions = [item(gold_table=None, gold_tid="7"), item(gold_table=None, gold_tid="-1")]
    report = measure_questions(questions, Last()).to_dict()
    assert (report["items"], report["elements_kept"]) == (1, {"5": 0, "10": 0, "20": 0})
    assert "answer_retention" not in report


def test_gold_spans() -> None:
    def text(**changes) -> str | None:
        span = find_gold_span(item(**changes), PAGE)
        return span and PAGE[slice(*span)]

    assert str(text()).startswith("<table tid=7>")
    assert text(gold_table=1) == "<table><tr><td>x<tr><td>y"
    assert str(text(gold_table=0)).endswith("y</table>")
    assert text(gold_table=5) is None
    assert text(gold_table=None, gold_tid="7") == text()


def test_token_f1() -> None:
    assert token_f1("The cat sat.", "the CAT sat") == pytest.approx((1, 1, 1))
    assert token_f1("a a b c", "a b d") == pytest.approx((4 / 7, 1 / 2, 2 / 3))
    assert token_f1("", "a") == (0, 0, 0)


def test_articles() -> None:
    body = "This is the one sentence of the article, and it is a long one, too. "
    report = measure_articles([PageItem("p", f"<nav><a>Home</a></nav><article><p>{body}</article>", article=body)])
    assert (report.token_f1, report.precision, report.recall, report.items) == (100, 100, 100, 1)


def write(path: Path, *rows: dict) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def test_sets_are_told_apart_by_their_rows(tmp_path: Path) -> None:
    write(tmp_path / "test_pages.jsonl.gz", {"id": "p", "title": "T", "html": PAGE, "gold_table": 2})
    write(tmp_path / "test_questions.jsonl.gz", {"id": "q", "page_id": "p", "question": "which?", "answers": ["100"]})
    assert read_pages(tmp_path) == [item("100", title="T")]
    article = tmp_path / "articles.jsonl.gz"
    write(article, {"id": "a", "html": "<p>x", "article_body": "x"})
    assert read_pages(article) == [PageItem("a", "<p>x", article="x")]


def test_what_is_no_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_pages(tmp_path / "absent")
    with pytest.raises(InputError, match="no file of JSON lines"):
        read_pages(tmp_path)
    write(tmp_path / "questions.jsonl.gz", {"page_id": "absent", "question": "which?", "answers": []})
    with pytest.raises(InputError, match="'absent'"):
        read_pages(tmp_path)
    with pytest.raises(InputError, match="no question has"):
        measure_questions([item("nowhere")], Last())
