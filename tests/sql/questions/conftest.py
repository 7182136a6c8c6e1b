"""The databases that questions are asked on: the demo's, and the two held-out ones of the benchmarks."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ctxprune.cli._demo_database import make_database
from ctxprune.sql.pipeline.factory import PipelineFactory, make_generators

from .fields import Field


@pytest.fixture(scope="session")
def factory() -> PipelineFactory:
    return PipelineFactory(make_generators("sketch"))


@pytest.fixture(scope="session")
def field(factory: PipelineFactory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Field]]:
    """The field of a name: "demo", "shop" or "hospital"; each is built when first used."""
    folder = tmp_path_factory.mktemp("fields")
    fields: dict[str, Field] = {}

    def get(name: str) -> Field:
        if name not in fields:
            path = folder / f"{name}.sqlite"
            build_database(name, path)
            fields[name] = Field(path, factory)
        return fields[name]

    yield get
    for one in fields.values():
        one.database.close()


@pytest.fixture
def small(factory: PipelineFactory, tmp_path: Path) -> Iterator[Callable[[str], Field]]:
    """A field over tables that a test writes as SQL."""
    fields: list[Field] = []

    def make(script: str) -> Field:
        import sqlite3
        from contextlib import closing

        path = tmp_path / f"small{len(fields)}.sqlite"
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)
        fields.append(Field(path, factory))
        return fields[-1]

    yield make
    for one in fields:
        one.database.close()


def build_database(name: str, path: Path) -> None:
    if name == "demo":
        make_database(path)
    else:
        importlib.import_module("benchmarks.data.field_sql.build").build_database(name, path)
