"""Answers and programs of training lines: right, wrong, and hostile."""

from __future__ import annotations

import time
import warnings

import pytest

from ctxprune.errors import InputError
from ctxprune.train.check_answers import (
    check_arithmetic,
    check_final_answer,
    equal_answers,
    final_answer,
    run_arithmetic,
)


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("2 + 3 * 4", 14),
        ("a = 7\nb = a - 10\nabs(b) ** 2", 9),
        ("def solution():\n    left = 16 - 3 - 4\n    return left * 2", 18),
        ("total = sum([1, 2, 3])\nanswer = total / 4\nprint_me = 9", 1.5),
        ("ans = round(10 / 3, 2)", 3.33),
        ("max(3, min(9, 5)) // 2 % 2", 0),
        ("sqrt(16)", 4),
        ("round(7, -1000000000) + round(2.6)", 3),
    ],
)
def test_programs_are_run(program: str, value: float):
    assert run_arithmetic(program) == pytest.approx(value)


@pytest.mark.parametrize(
    "program",
    [
        "", "x", "1 / 0", "import os", "__import__('os').system('true')", "open('/etc/passwd')", "().__class__",
        "1 if 1 else 2", "while True:\n    pass", "[x for x in [1]]", "9 ** 9 ** 9 ** 9", "2 ** 100000", "10.0 ** 400",
        "'a' * 10", "[1] * 10 ** 9", "[[1], [2]]", "lambda: 1", "def f():\n    return 1", "(1).real", "1 ** 0.5j",
        "a.b = 1", "sum(1)", "1 +", "-" * 5000 + "1", "(" * 300 + "1" + ")" * 300, "1+" * 6000 + "1", "max(key=len)",
        "exec('1')", "x = " + "9" * 5000, "f'{1}'",
    ],
)  # fmt: skip
def test_what_is_no_arithmetic_is_refused(program: str):
    started = time.process_time()
    with pytest.raises(InputError):
        run_arithmetic(program)
    assert time.process_time() - started < 1


def test_programs_warn_nobody():
    for program in ("'\\d'", "1or 2", "0xfor x in 1"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with pytest.raises(InputError, match="a program has no"):
                run_arithmetic(program)
        assert not caught


def test_final_answers():
    assert final_answer("First 3, then 4.\n#### 1,234") == "1,234"
    assert final_answer("The answer is 42.") == "42."
    assert final_answer("3 apples and 5 pears, so 8") == "8"
    assert final_answer("none") == ""


def test_answers_are_equal_by_value():
    assert equal_answers("1,234.0", "#### 1234")
    assert equal_answers("$5", "5.0")
    assert equal_answers("Paris.", "paris")
    assert not equal_answers("5", "5.1")
    assert not equal_answers("", "")


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        ("The answer is 5 apples.", 5), ("The answer is **5**.", "5"), ("So the answer is: $\\boxed{5}$", "5"),
        ("\\boxed{5}. I am sure.", 5), ("\\boxed{\\frac{3}{4}}", "0.75"), ("$\\boxed{1{,}234\\text{ m}}$", "1234"),
        ("The answer is 3/4", "0.75"), ("It is 1 1/2 cups.", 1.5), ("Take .5 of it.", 0.5), ("#### 1,234,567", 1234567),
        ("#### -$5", -5), ("#### \u22125", -5), ("\\boxed{5\\%}", 5), ("####\nnext 5", 5), ("10-5 is 10-5", 5),
        ("The answer is 4e-7", "0.0000004"), ("The answer is 1e400", "1e400"), ("#### 5 ####", 5),
        ("1000.0000001 in all", 1000), ("The answer is 1,2", "1,2"), ("The answer is true", True),
    ],
)  # fmt: skip
def test_right_outputs(output: str, answer: object):
    assert check_final_answer({"output": output, "answer": answer}) == ""


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        ("#### 1,2", 12), ("#### 1,2", 2), ("#### 12,34", 1234), ("The answer is 4e-7", "9e-7"), ("1e400", "1e999"),
        ("#### 4000003", 4000000), ("3/4", 4), ("3/0", 3), ("It is 1 1/2", 0.5), ("#### -$5", 5), ("on 1/2/2024", 2024),
        ("Version 1.2.3", 3), ("\\boxed{}", 5), ("The answer is five", 5), ("inf", "infinity"),
    ],
)  # fmt: skip
def test_wrong_outputs(output: str, answer: object):
    assert check_final_answer({"output": output, "answer": answer}) == "another result"


@pytest.mark.parametrize(
    "piece",
    [" ", "answer is", "#### ", "\\boxed{", "\\boxed{}", "{", "1", "1,", "1,111", "1/", "1 ", "1 1/", "-", "-1", "1e1",
     ".", "1.", "\\frac{1", "\n", "answer is \n", "9" * 300 + "/"],
)  # fmt: skip
def test_long_outputs_take_linear_time(piece: str):
    for start, end in (("", ""), ("answer is", "x"), ("#### ", "")):
        started = time.process_time()
        check_final_answer({"output": start + piece * (50_000 // len(piece)) + end, "answer": "5"})
        assert time.process_time() - started < 0.5


def test_outputs_and_answers_without_an_end():
    assert check_final_answer({"output": "1" * 1_000_001, "answer": 1}) == "the output or the answer is too long"
    assert check_final_answer({"output": "1", "answer": "1" * 1_000_001}) == "the output or the answer is too long"
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    assert check_final_answer({"output": "1", "answer": nested}) == "no output or no answer"
    assert check_arithmetic({"program": "1", "answer": nested}) == "no program or no answer"


def test_reasons():
    assert check_arithmetic({"program": "6 * 7", "answer": 42}) == ""
    assert check_arithmetic({"program": "6 * 7", "answer": "41"}) == "another result"
    assert check_arithmetic({"program": "6 *", "answer": 42}) == "the program fails"
    assert check_arithmetic({"program": 6}) == "no program or no answer"
    assert check_final_answer({"output": "so it is 42", "answer": 42}) == ""
    assert check_final_answer({"output": "so it is 41", "answer": 42}) == "another result"
    assert check_final_answer({"answer": 42}) == "no output or no answer"
