"""Registries: versioned names, lazy entries, plug-ins."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint

import pytest

from ctxprune import registry as module
from ctxprune.errors import UnknownNameError, UsageError
from ctxprune.registry import Registry
from ctxprune.scorers import SCORERS
from ctxprune.sql import GENERATORS, LINKERS, RENDERERS, SELECTORS
from ctxprune.sql.repair.base import REPAIRERS


def test_a_name_without_version_means_the_newest() -> None:
    made: Registry[int] = Registry("thing")
    for version in (1, 2, 10):
        made.register(f"a.v{version}")(version)
    assert made.get("a") == 10
    assert made.get("a.v2") == 2
    assert made.names() == ["a.v1", "a.v10", "a.v2"]


def test_unknown_names_list_the_known_ones() -> None:
    made: Registry[int] = Registry("thing", {"b.v1": "json:loads"})
    with pytest.raises(UnknownNameError, match=r"no thing is named 'c'.*known: b.v1"):
        made.get("c")


@pytest.mark.parametrize("name", ["a", "a.v0", "A.v1", "a.v1.2", "a b.v1", "", "a.v01"])
def test_names_that_are_not_versioned_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="not of the form"):
        Registry[int]("thing").register(name)


def test_a_name_is_taken_once_but_the_same_entry_may_come_again() -> None:
    made: Registry[object] = Registry("thing")
    entry = object()
    made.register("a.v1")(entry)
    made.register("a.v1")(entry)
    with pytest.raises(UsageError, match="taken"):
        made.register("a.v1")(object())


def test_a_builtin_name_is_taken_before_it_is_loaded() -> None:
    made: Registry[object] = Registry("thing", {"loads.v1": "json:loads", "dumps.v1": "json:dumps"})
    made.register("loads.v1")(json.loads)
    with pytest.raises(UsageError, match="taken"):
        made.register("dumps.v1")(json.loads)
    assert made.get("dumps") is json.dumps


@pytest.mark.parametrize("registry", [SCORERS, GENERATORS, LINKERS, RENDERERS, REPAIRERS, SELECTORS])
def test_builtin_entries_are_filed_under_the_place_that_defines_them(registry: Registry[type]) -> None:
    for name, path in registry._lazy.items():
        entry = registry.get(name)
        assert path == f"{entry.__module__}:{entry.__qualname__}"


@pytest.mark.parametrize("path", ["no_such_module_of_ours:x", "json:no_such_name", "json"])
def test_a_plugin_that_cannot_be_loaded_is_named(path: str) -> None:
    made: Registry[object] = Registry("thing", {"bad.v1": path})
    with pytest.raises(UsageError, match=r"the thing bad\.v1 cannot be loaded"):
        made.get("bad")


def test_builtin_entries_are_imported_on_use() -> None:
    made: Registry[object] = Registry("thing", {"loads.v1": "json:loads", "bad.v1": "no_such_module_of_ours:x"})
    assert made.names() == ["bad.v1", "loads.v1"]
    assert made.get("loads") is json.loads


def test_name_of_knows_lazy_and_registered_entries() -> None:
    made: Registry[object] = Registry("thing", {"loads.v1": "json:loads"})
    made.register("dumps.v1")(json.dumps)
    assert made.name_of(json.loads) == "loads.v1"
    assert made.name_of(json.dumps) == "dumps.v1"
    assert made.name_of(json.load) == "load"


def test_plugins_come_from_the_entry_point_group_of_the_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def entry_points(group: str) -> list[EntryPoint]:
        asked.append(group)
        return [EntryPoint("extra.v1", "json:dumps", group), EntryPoint("own.v1", "json:dumps", group)]

    monkeypatch.setattr(module, "entry_points", entry_points)
    made: Registry[object] = Registry("policy", {"own.v1": "json:loads"})
    assert made.get("own") is json.loads
    assert asked == []
    assert made.get("extra") is json.dumps
    assert made.names() == ["extra.v1", "own.v1"]
    assert asked == ["ctxprune.policies"]
    Registry[object]("scorer").names()
    assert asked[-1] == "ctxprune.scorers"


def test_a_name_that_people_know_stands_for_the_one_that_is_listed() -> None:
    from ctxprune.scorers import SCORERS

    assert SCORERS.get("bm25") is SCORERS.get("lexical.v1")
    assert "bm25" not in SCORERS.names()
