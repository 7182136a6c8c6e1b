"""Fixtures shared by all tests. The shared data folder is optional: tests marked `data` skip without it, and say so."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytest_plugins = ["recorded_spans", "servers.fixtures"]
SHARED = Path(os.environ.get("CTXPRUNE_SHARED", ROOT.parent / "shared"))


def pytest_configure() -> None:
    """Ctrl-C works in tests and their children, also where a shell started the tests in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect without garbage collection, each pass of which would visit all tests collected so far."""
    # Tests and modules stay to the end, so later passes need not visit them either.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if SHARED.is_dir():
        return
    skip = pytest.mark.skip(reason=f"shared data folder absent: {SHARED}")
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared data folder; only for tests marked `data`."""
    return SHARED


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small SQLite database with two linked tables, mixed case, accents and a quoted name."""
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE city (name VARCHAR(40) PRIMARY KEY, country TEXT, population INTEGER);
            CREATE TABLE "order items" (
                id INTEGER PRIMARY KEY, city_name VARCHAR(40) REFERENCES city(name),
                currency CHAR(3), price REAL, sold_on DATE);
            INSERT INTO city VALUES ('São Paulo', 'Brazil', 12300000), ('Paris', 'France', 2100000),
                                    ('Łódź', 'Poland', 670000), ('Springfield', 'USA', 116000);
            INSERT INTO "order items" VALUES (1, 'Paris', 'EUR', 10.5, '2024-03-01'),
                (2, 'São Paulo', 'BRL', 99.0, '2024-03-02'), (3, 'Paris', 'EUR', 7.25, '2024-04-01');
            """
        )
    connection.close()
    return path
