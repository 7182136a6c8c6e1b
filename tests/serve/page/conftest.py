"""A real service on loopback, and a real Chromium to look at its page with."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")
pytest.importorskip("websockets", reason="websockets is not installed")

from ..process import Served
from .browser import Browser, Page, chromium

SCRIPT = "<script>document.title='owned'</script>"
LINES = "one\u2028two\u2029three\x85four\r\nfive\x0bsix\ufeff"  # whatever some language takes for the end of a line
IMAGE = "<img src=x onerror=\"document.title='owned'\">"


DATABASES = ("shop", "hostile", "wide")


@contextmanager
def service(folder: Path, text: str = "") -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`ctxprune serve` with that configuration: its address and its process, which is ended afterwards."""
    config = folder / "service.toml"
    config.write_text(text, encoding="utf-8")
    with Served(config, ready=False) as served:
        yield f"{served.url}/", served.process


def make_shop(path: Path) -> None:
    """Two linked tables, one of them with values that are hard to show."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """
            CREATE TABLE city (name VARCHAR(40) PRIMARY KEY, country TEXT, population INTEGER);
            CREATE TABLE "order items" (
                id INTEGER PRIMARY KEY, city_name VARCHAR(40) REFERENCES city(name),
                currency CHAR(3), price REAL, sold_on DATE);
            INSERT INTO city VALUES ('São Paulo', 'Brazil', 12300000), ('Paris', 'France', 2100000),
                ('Łódź', 'Poland', NULL), ('Springfield', 'USA', 9007199254740993);
            INSERT INTO "order items" VALUES (1, 'Paris', 'EUR', 10.5, '2024-03-01'),
                (2, 'São Paulo', 'BRL', 99.0, '2024-03-02'), (3, 'Paris', 'EUR', 7.25, '2024-04-01');
            """
        )


def make_hostile(path: Path) -> None:
    """Names and values that would run if they were shown as anything but text."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, author TEXT, body TEXT)")
        connection.execute("INSERT INTO note VALUES (1, 'eve', ?), (2, 'eve', ?), (3, 'bob', 'hello')", [SCRIPT, IMAGE])
        connection.execute("""CREATE TABLE "<b>bold</b>" (id INTEGER PRIMARY KEY, "<i>it</i>" TEXT)""")
        connection.execute("CREATE TABLE poem (id INTEGER PRIMARY KEY, verse TEXT)")
        connection.execute("INSERT INTO poem VALUES (1, ?)", [LINES])


def make_wide(path: Path) -> None:
    """Fifty tables, one of them with forty columns, 300 rows and words without an end."""
    columns = ", ".join(f"measurement_{number} TEXT" for number in range(38))
    word = "Donaudampfschifffahrtsgesellschaft" * 20
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE station (id INTEGER PRIMARY KEY, name TEXT, {columns})")
        rows = [(number, f"station {number}", *[word] * 38) for number in range(300)]
        connection.executemany(f"INSERT INTO station VALUES ({', '.join('?' * 40)})", rows)
        for number in range(49):
            parent = f"part_{number // 3}" if number else "station"
            connection.execute(
                f"CREATE TABLE part_{number} (id INTEGER PRIMARY KEY, station_name TEXT, kind TEXT,"
                f" parent_id INTEGER REFERENCES {parent}(id))"
            )


@pytest.fixture(scope="session")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service without keys, on three databases."""
    folder = tmp_path_factory.mktemp("explorer")
    make_shop(folder / "shop.sqlite")
    make_hostile(folder / "hostile.sqlite")
    make_wide(folder / "wide.sqlite")
    text = (f'[[databases]]\nname = "{name}"\npath = "{name}.sqlite"\n' for name in DATABASES)
    with service(folder, "[limits]\nseconds = 120\n" + "".join(text)) as (address, _):
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests; each has pages of its own."""
    program = chromium()
    if program is None:
        message = "Chromium is not installed: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    with Browser(program) as started:
        yield started


@pytest.fixture
def page(browser: Browser, explorer: str) -> Iterator[Page]:
    """The explorer, opened; at the end nothing may stand in the console or have gone elsewhere."""
    page = browser.page()
    page.open(explorer)
    page.wait("document.querySelectorAll('#database option').length === 3")
    yield page
    faults, requests = page.faults(), page.requests()
    page.close()
    assert faults == []
    assert [url for url in requests if not url.startswith((explorer, "data:"))] == []
