"""Recipes of the caller's own that are deep or huge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.shrink.recipes import recipe
from ctxprune.shrink.recipes.recipe import load_recipe, recipe_names
from ctxprune.shrink.run.records import TrialLog

STRANGE = {
    "lists": "a = " + "[" * 100_000,
    "tables": "a = " + "{b = " * 100_000,
    "huge": "name = 'x'\n" + "# nothing\n" * 200_000,
    "digits": "a = " + "9" * 10_000,
    "dotted key": "a." * 100_000 + "b = 1",  # took memory by the square: tens of gigabytes
    "quoted keys": "[" + "'a' . " * 100_000 + "b]",
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_recipe_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(STRANGE[name], encoding="utf-8")
    with pytest.raises(FormatError, match="this is no recipe"):
        load_recipe(path)


def test_a_path_with_a_nul_character() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_recipe("a\0.toml")


def test_the_length_of_a_recipe_is_counted_in_bytes(tmp_path: Path) -> None:
    """Of a longer file, only the beginning is read: taken for a recipe, it would be another one than was given."""
    sound = recipe._folder().joinpath(f"{recipe_names()[0].removesuffix('.v1')}.toml").read_text(encoding="utf-8")
    blanks = " " * ((len(sound.encode()) + 1) % 2)  # so that the reader's last byte ends a letter
    path = tmp_path / "mine.toml"
    path.write_text(f"{sound}\n#{blanks}{'ü' * 600_000}\nname = 'another'\n", encoding="utf-8")
    with pytest.raises(FormatError, match="longer than 1048576 bytes") as caught:
        load_recipe(path)
    assert caught.value.hint


def test_a_single_piece_where_a_list_belongs_is_named(tmp_path: Path) -> None:
    sound = recipe._folder().joinpath("random.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(sound + '\ncompensate = { piece = "mean_bias.v1" }\n', encoding="utf-8")
    with pytest.raises(FormatError, match="compensate is not a list of pieces"):
        load_recipe(path)


@pytest.mark.parametrize("name", ["x/../../../victim", "..", ".", "", "a\\b", "a\n", "a b", "x" * 300, 7])
def test_a_name_that_is_no_name_of_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    """A search writes and deletes folders of this name."""
    sound = load_recipe("random")
    with pytest.raises(UsageError, match="a recipe's name is"):
        replace(sound, name=name)
    text = recipe._folder().joinpath("random.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('"random.v1"', repr(name).replace("'", '"')), encoding="utf-8")
    with pytest.raises(FormatError, match="name"):
        load_recipe(path)
    assert replace(sound, name="flap.v1+el2n-0.5-1").name == "flap.v1+el2n-0.5-1"


def test_trials_stay_in_the_folder_of_their_run(tmp_path: Path) -> None:
    """The log is a file, too, and its records name recipes."""
    log = TrialLog(tmp_path / "run", {"seed": 0}, resume=False)
    assert log.place(0, "flap.v1").parent == tmp_path / "run"
    for name in ("x/../../victim", "x/y"):
        with pytest.raises(UsageError, match="no name of a folder"):
            log.place(0, name)
