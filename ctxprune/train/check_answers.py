"""Is the answer of a training example right? By its last number, or by running its program, which is arithmetic.

Zhu and others, PaD: Program-aided Distillation Specializes Large Models in Reasoning, 2024: reasoning that a large
model writes as a program is kept where running it gives the right answer. Costello and others, Think, Prune, Train,
Improve, 2025: of the traces that a model writes those are kept that end in the right answer.

Programs are never handed to Python: a walk over their syntax tree knows numbers, names, arithmetic and a few functions,
no loops and no attributes, so that it ends and touches nothing. Differs: PaD's programs may be any Python.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from ctxprune.errors import InputError

__all__ = ["check_arithmetic", "check_final_answer", "equal_answers", "final_answer", "run_arithmetic"]

_LONGEST = 10_000  # characters of a program
_LONGEST_OUTPUT = 1_000_000  # of an output, and of an answer
_ANSWERS = (str, int, float)  # a list or an object is no final answer
_BITS = 4096  # of a whole number; a power of a power would fill the memory
# What looks like a number; `_number` says whether it is one. Each pattern reads every character once at most, since a
# model's output may be of megabytes.
_CANDIDATE = re.compile(r"(?:(?<![\w)])-)?(?:\d+ (?=\d+/\d)|(?<![\w.])\.)?\d[\d.,/]*(?:[eE][+-]?\d+)?")
_WHOLE = r"(?:\d{1,3}(?:,\d{3})+|\d+)"
_DECIMAL = re.compile(rf"[-+]?(?:{_WHOLE}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_FRACTION = re.compile(rf"([-+]?)(?:(\d+) )?({_WHOLE})/({_WHOLE})")
_LATEX_FRACTION = re.compile(r"\\[dt]?frac\{(-?\d{1,100})\}\{(\d{1,100})\}")
_MARK = re.compile(r"####|answer is:?|answer:|\\boxed\{", re.IGNORECASE)
_BRACE = re.compile(r"[{}]")
_SYMBOLS = "$€£%* "  # around a number, LaTeX and Markdown included
_EXACT = 2.0**53  # up to here a float holds every whole number
_OPERATORS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": abs, "float": float, "int": int, "len": len, "max": max, "min": min, "sqrt": math.sqrt, "sum": sum,
    # rounding to -10 ** 9 digits would calculate 10 ** 10 ** 9
    "round": lambda value, digits=0: round(value, min(max(digits, -100), 100)) if digits else round(value),
}  # fmt: skip


def check_arithmetic(row: Mapping[str, Any]) -> str:
    """Why a line goes: "" where its `program` gives its `answer`, by `run_arithmetic`."""
    if not isinstance(row.get("program"), str) or not isinstance(row.get("answer"), _ANSWERS):
        return "no program or no answer"
    try:
        found = run_arithmetic(row["program"])
    except InputError:
        return "the program fails"
    return "" if equal_answers(str(found), str(row["answer"])) else "another result"


def check_final_answer(row: Mapping[str, Any]) -> str:
    """Why a line goes: "" where its `output` ends in its `answer`."""
    if not isinstance(row.get("output"), str) or not isinstance(row.get("answer"), _ANSWERS):
        return "no output or no answer"
    if max(len(row["output"]), len(str(row["answer"]))) > _LONGEST_OUTPUT:
        return "the output or the answer is too long"
    return "" if equal_answers(final_answer(row["output"]), str(row["answer"])) else "another result"


def final_answer(text: str) -> str:
    """What stands after the last "####" or "answer is", or in "\\boxed{}", or else the last number; "" without any."""
    end = len(text)
    for mark in reversed(list(_MARK.finditer(text))):
        found = _boxed(text, mark.end(), end) if mark.group().endswith("{") else _rest_of_line(text, mark.end(), end)
        if found:
            return found
        end = mark.start()  # a mark with nothing behind it is none, and is not read again
    return _last_number(text)


def equal_answers(found: str, wanted: str) -> bool:
    """Whether both are the same text but for case and the stop at its end, or the same number.

    Where `wanted` is a number and `found` is not, the last number in `found` counts ("5 apples"). Whole numbers are the
    same where they are equal, others within a millionth of the larger. "3/4" and "1 1/2" are numbers, "1,234" is one,
    "1,2" and what is too large for a float are none.
    """
    texts = [
        (final_answer(text) if "####" in text else text).strip().rstrip(".").casefold() for text in (found, wanted)
    ]
    if texts[0] == texts[1]:
        return bool(texts[0])
    one, other = _number(texts[0]), _number(texts[1])
    if one is None and other is not None:
        one = _number(_last_number(texts[0]))
    if one is None or other is None:
        return False
    if one.is_integer() and other.is_integer() and max(abs(one), abs(other)) < _EXACT:
        return one == other
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-12)


def _boxed(text: str, start: int, end: int) -> str:
    """What stands up to the brace that closes one before `start`; "" where none does before `end`."""
    depth = 1
    for brace in _BRACE.finditer(text, start, end):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return text[start : brace.start()].strip()
    return ""


def _rest_of_line(text: str, start: int, end: int) -> str:
    """The first line with anything on it between two places."""
    return next(iter(text[start:end].lstrip().split("\n", 1)), "").strip()


def _last_number(text: str) -> str:
    """The last number in a text, as it is written there; "" for none."""
    candidates = (candidate.rstrip(".,/") for candidate in reversed(_CANDIDATE.findall(_plain(text))))
    return next((candidate for candidate in candidates if _number(candidate) is not None), "")


def _plain(text: str) -> str:
    """A text with LaTeX's fractions, thousands and escapes, and minus signs, as they are written elsewhere."""
    text = _LATEX_FRACTION.sub(r"\1/\2", text.replace("\u2212", "-"))
    for written, usual in (("{,}", ","), ("\\$", "$"), ("\\%", "%"), ("-$", "-"), ("-€", "-"), ("-£", "-")):
        text = text.replace(written, usual)
    return text


def _number(text: str) -> float | None:
    """The finite number that a text is, a currency or per cent sign aside; None where it is none."""
    plain = _plain(text).strip(_SYMBOLS)
    fraction = _FRACTION.fullmatch(plain)
    try:
        if fraction is not None:
            sign, whole, above, below = fraction.groups()
            value = float(whole or 0) + float(above.replace(",", "")) / float(below.replace(",", ""))
            value = -value if sign == "-" else value
        else:
            value = float(plain.replace(",", "")) if _DECIMAL.fullmatch(plain) else math.nan
    except (ValueError, ZeroDivisionError):
        return None
    return value if math.isfinite(value) else None


def run_arithmetic(program: str) -> float:
    """What a program gives: what its function `solution` returns, or its variable `answer` or `ans`, or its last value.

    Raises:
        InputError: It is too long, is no Python, does what is not allowed, fails, or gives no finite number.
    """
    if len(program) > _LONGEST:
        raise InputError(f"the program is longer than {_LONGEST} characters")
    values: dict[str, Any] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # "1or 2": warnings are for the program's author
            warnings.simplefilter("ignore", DeprecationWarning)
            body = ast.parse(program).body
        found = _run(body, values)
        found = values.get("answer", values.get("ans", found))
        if isinstance(found, (int, float)) and math.isfinite(found):
            return found
    except InputError:
        raise
    except (SyntaxError, ValueError, TypeError, ArithmeticError, RecursionError, MemoryError) as error:
        raise InputError(f"the program fails ({type(error).__name__})") from error
    raise InputError("the program gives no number")


def _run(body: list[ast.stmt], values: dict[str, Any]) -> Any:
    last: Any = None
    for statement in body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "solution" and not statement.args.args:
            return _run(statement.body, values)
        if isinstance(statement, ast.Return) and statement.value is not None:
            values.pop("answer", None), values.pop("ans", None)  # what is returned counts
            return _value(statement.value, values)
        if isinstance(statement, (ast.Assign, ast.Expr)):
            last = _value(statement.value, values)
            for target in statement.targets if isinstance(statement, ast.Assign) else ():
                if not isinstance(target, ast.Name):
                    raise InputError("a program assigns to names alone")
                values[target.id] = last
        else:
            raise InputError(f"a program has no {type(statement).__name__}")
    return last


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=int() | float()):
            return _bounded(node.value)
        case ast.Name() if node.id in values:
            return values[node.id]
        case ast.List() | ast.Tuple():
            entries = [_value(entry, values) for entry in node.elts]
            # comparing lists of lists of lists would take time without end
            if any(isinstance(entry, list) for entry in entries):
                raise InputError("a list in a program holds numbers alone")
            return entries
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            value = _value(node.operand, values)
            return -value if isinstance(node.op, ast.USub) else value
        case ast.BinOp() if type(node.op) in _OPERATORS:
            return _operate(node.op, _value(node.left, values), _value(node.right, values))
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS:
            return _bounded(_FUNCTIONS[name](*(_value(entry, values) for entry in node.args)))
    raise InputError(f"a program has no {type(node).__name__} like this")


def _operate(kind: ast.operator, left: Any, right: Any) -> Any:
    # text and lists could be repeated to any length
    if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        raise InputError("a program calculates with numbers alone")
    if isinstance(kind, ast.Pow) and isinstance(left, int) and left.bit_length() * abs(right) > _BITS:
        raise InputError("a power in the program is too large")
    return _bounded(_OPERATORS[type(kind)](left, right))


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > _BITS:
        raise InputError("a number in the program is too large")
    return value
