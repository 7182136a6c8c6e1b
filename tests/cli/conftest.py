"""Small data sets for the bench commands, in the layouts that these read."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.cli import main

_BAKERY = Path(__file__).parents[1] / "sql" / "evaluation" / "bakery.py"
_SHOP_TABLES = [
    {"db_id": name,
     "table_names_original": ["city", "order items"], "table_names": ["city", "order items"],
     "column_names_original": [[-1, "*"], [0, "name"], [0, "country"], [0, "population"], [1, "id"], [1, "city_name"],
                               [1, "currency"], [1, "price"], [1, "sold_on"]],
     "column_names": [[-1, "*"], [0, "name"], [0, "country"], [0, "population"], [1, "id"], [1, "city name"],
                      [1, "currency"], [1, "price"], [1, "sold on"]],
     "column_types": ["text", "text", "text", "number", "number", "text", "text", "number", "time"],
     "primary_keys": [1, 4], "foreign_keys": [[5, 1]]}
    for name in ("shop", "absent")
]  # fmt: skip


@pytest.fixture
def spider_folder(tmp_path: Path, shop: Path) -> Callable[..., Path]:
    """A function that writes a set in Spider's layout; its one database is the shop."""

    def write(items: list[dict], *, tables: bool = False) -> Path:
        data = tmp_path / "spider"
        place = data / "database" / "shop" / "shop.sqlite"
        place.parent.mkdir(parents=True)
        shop.rename(place)
        (data / "dev.json").write_text(json.dumps(items), encoding="utf-8")
        if tables:
            (data / "tables.json").write_text(json.dumps(_SHOP_TABLES), encoding="utf-8")
        return data

    return write


@pytest.fixture
def run_bench(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict]:
    """Runs `ctxprune bench` with these words and gives its JSON document."""

    def run(*words: object) -> dict:
        code = main(["bench", *map(str, words), "--json"])
        shown = capsys.readouterr()
        assert code == 0, shown.err
        return json.loads(shown.out)

    return run


@pytest.fixture(scope="session")
def bakery() -> SimpleNamespace:
    """Functions that write a small BIRD or Spider set of a bakery, and predictions for it."""
    return SimpleNamespace(**runpy.run_path(str(_BAKERY)))
