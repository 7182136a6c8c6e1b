"""Recipes of the caller's own that are deep or huge."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxprune.errors import FormatError
from ctxprune.shrink.recipe import load_recipe

STRANGE = {
    "lists": "a = " + "[" * 100_000,
    "tables": "a = " + "{b = " * 100_000,
    "huge": "name = 'x'\n" + "# nothing\n" * 200_000,
    "digits": "a = " + "9" * 10_000,
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_recipe_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(STRANGE[name], encoding="utf-8")
    with pytest.raises(FormatError, match="this is no recipe"):
        load_recipe(path)
