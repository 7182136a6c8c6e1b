"""The tree of errors: codes, texts, pickling."""

from __future__ import annotations

import inspect
import pickle
import re
from pathlib import Path

import pytest

from ctxprune import errors
from ctxprune.errors import CtxpruneError, MissingExtraError, UnknownNameError, UsageError

ALL = [entry for _, entry in inspect.getmembers(errors, inspect.isclass) if issubclass(entry, CtxpruneError)]


def test_every_error_is_public_and_named_with_its_code_in_the_tree() -> None:
    assert errors.__all__ == sorted([*(kind.__name__ for kind in ALL), "FailureKind"])
    tree = dict(re.findall(r"(\w+Error) +(CP\d{3})", errors.__doc__ or ""))
    assert tree == {kind.__name__: kind.code for kind in ALL if kind is not CtxpruneError}
    assert len({kind.code for kind in ALL}) == len(ALL)


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind not in (UnknownNameError, MissingExtraError)])
def test_message_has_three_parts_and_survives_pickling(kind: type[CtxpruneError]) -> None:
    error = kind("it broke", where="a.txt", hint="mend it")
    assert str(error) == "it broke [a.txt]: mend it"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.what, again.where, again.hint) == ("it broke", "a.txt", "mend it")


def test_parts_that_are_empty_leave_no_marks() -> None:
    assert str(UsageError("it broke")) == "it broke"
    assert str(UsageError("it broke", hint="mend it")) == "it broke: mend it"


def test_unknown_name_lists_known_ones_and_the_nearest() -> None:
    error = UnknownNameError("scorer", "lexicl.v1", ["lexical.v1", "fusion.v1"])
    assert str(error) == ("no scorer is named 'lexicl.v1': did you mean 'lexical.v1'? known: fusion.v1, lexical.v1")
    assert "known: none" in str(UnknownNameError("scorer", "x", []))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is UnknownNameError
    assert str(again) == str(error)


def test_missing_extra_says_the_install_command() -> None:
    error = MissingExtraError("faiss", "ann")
    assert "pip install 'ctxprune-middleware[ann]'" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_require_names_the_extra() -> None:
    from ctxprune.utils.extras import require

    assert require("json", "x").loads("1") == 1
    with pytest.raises(MissingExtraError, match=r"\[ann\]"):
        require("no_such_module_of_ours.sub", "ann")


def test_every_extra_that_is_named_can_be_installed() -> None:
    root = Path(__file__).parents[1]
    sources = [
        path for folder in ("ctxprune", "ctxprune/sql", "ctxprune/rag") for path in (root / folder).rglob("*.py")
    ]
    call = re.compile(r'\brequire\("[\w.]+", "([\w-]+)"\)')
    named = {extra for path in sources for extra in call.findall(path.read_text("utf-8"))}
    declared = (root / "pyproject.toml").read_text("utf-8").partition("[project.optional-dependencies]")[2]
    assert {"ann", "kv-backends", "llm"} <= named
    assert named <= set(re.findall(r"^([\w-]+) = \[", declared, re.MULTILINE))


def test_errors_are_also_builtin_ones_where_callers_expect_them() -> None:
    assert issubclass(errors.UsageError, ValueError)
    assert issubclass(errors.UnknownNameError, LookupError)
    assert issubclass(errors.MissingExtraError, ImportError)
    assert issubclass(errors.QueryTimeoutError, TimeoutError)


def test_of_many_names_the_nearest_are_told():
    names = [f"recipe_{number}.v1" for number in range(100)]
    said = str(UnknownNameError("recipe", "recipe_77", names))
    assert "did you mean 'recipe_77.v1'?" in said
    assert "… (100 in all)" in said
    assert len(said) < 250
    assert "known: one, two" in str(UnknownNameError("recipe", "on", ["two", "one"]))
