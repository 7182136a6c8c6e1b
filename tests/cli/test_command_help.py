"""What `ctxprune` alone prints, and the examples that each command's help ends with."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from ctxprune.cli import main
from ctxprune.cli._app import app
from ctxprune.cli._examples import DOORS, EXAMPLES

ROOT = typer.main.get_command(app)


def commands(group: click.Group = ROOT, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield prefix + name, command


COMMANDS = dict(commands())


def parse(line: str) -> str:
    """The command that a line calls; fails where the command has no such option."""
    group, words = ROOT, shlex.split(line.partition("ctxprune ")[2])
    name = ""
    while hasattr(group, "commands"):
        word = words[0] if words[0] in group.commands else "run"  # `shrink MODEL` is short for `shrink run MODEL`
        words = words[1:] if word == words[0] else words
        group, name = group.commands[word], f"{name} {word}".strip()
    known = {"--help", *(option for param in group.params for option in (*param.opts, *param.secondary_opts))}
    unknown = [word for word in words if word.startswith("-") and word not in known and word != "--"]
    assert not unknown, f"{name} has no option {unknown}"
    return name


def test_every_command_has_examples() -> None:
    assert set(EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_examples_call_the_command_that_they_stand_under(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert {parse(line) for line in EXAMPLES[name]} == {name}
    assert main([*name.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Examples:" in shown
    assert EXAMPLES[name][0][:40] in shown


def test_an_example_with_an_unknown_option_would_be_seen() -> None:
    with pytest.raises(AssertionError, match="prune has no option"):
        parse("ctxprune prune notes.md --no-such-option")


def test_the_doors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr()
    assert shown.out == DOORS
    assert shown.err == ""
    lines = [part for line in DOORS.splitlines() for part in line.split("   ") if part.strip().startswith("ctxprune ")]
    assert len(lines) == 6
    for line in lines:
        if "--help" not in line:
            assert parse(line) in COMMANDS


def test_an_option_that_is_given_twice_by_mistake_is_refused(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sql", "learn", str(shop), "--term", "a", "population over 1", "--term", "b", "population over 2"]
    assert main(words) == 2
    assert "given twice" in capsys.readouterr().err


def test_options_that_may_be_repeated_still_may(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["--exclude", "city.name", "--exclude", "city.country"]
    assert main(["sql", "index", str(shop), *columns, "--out", str(shop.parent / "index")]) == 0
    assert main(["prune", "--", "--question", "--question"]) == 2  # files by these names, and no question
    assert "given twice" not in capsys.readouterr().err
