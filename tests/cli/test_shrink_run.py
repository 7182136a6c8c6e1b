"""`ctxprune shrink MODEL …` without torch: how words are read, and what to install."""

from __future__ import annotations

import sys

import pytest

from ctxprune.cli import main
from ctxprune.errors import UsageError
from ctxprune.shrink.run.targets import RequestedTarget, read_target

WORDS = ["model", "--data", "pairs.jsonl", "--target", "latency=0.5", "--recipe", "flap", "--out", "small"]


@pytest.mark.parametrize("words", [WORDS, ["run", *WORDS], [*WORDS[1:], "model"]])
def test_without_torch(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["shrink", *words]) == 1
    said = capsys.readouterr().err
    assert "CP004" in said
    assert "pip install 'ctxprune-middleware[train]'" in said


def test_wrong_words(capsys: pytest.CaptureFixture[str]):
    assert main(["shrink", "model"]) == 2
    assert "--data" in capsys.readouterr().err
    assert main(["shrink", "--help"]) == 0
    assert "list" in capsys.readouterr().out


def test_options_of_recovery_are_not_among_those_of_some_recipes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["shrink", "run", "--help"]) == 0
    shown = capsys.readouterr().out
    for panel, options in (
        ("Recovery, of any recipe", {"--loss", "--recovery-data", "--stop-early", "--samples"}),
        ("For some recipes alone", {"--base", "--related", "--groups"}),
    ):
        part = shown.partition(panel)[2].partition("╰")[0]
        # the first word of a line is its option; in the help behind it others are named
        assert {line.split()[1] for line in part.splitlines() if line.startswith("│ --")} == options


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("latency=0.25", RequestedTarget("latency", 0.25)),
        ("latency=25%", RequestedTarget("latency", 0.25)),
        ("latency=40ms", RequestedTarget("latency", 40, absolute=True)),
        ("latency=0.5s", RequestedTarget("latency", 500, absolute=True)),
        ("bytes=20MB", RequestedTarget("bytes", 20e6, absolute=True)),
        ("bytes=1 MiB", RequestedTarget("bytes", 2**20, absolute=True)),
        ("Parameters=1.5M", RequestedTarget("parameters", 1.5e6, absolute=True)),
        ("weights=5000", RequestedTarget("weights", 5000, absolute=True)),
    ],
)
def test_targets(text: str, wanted: RequestedTarget):
    found = read_target(text)
    assert (found.measure, found.absolute) == (wanted.measure, wanted.absolute)
    assert found.value == pytest.approx(wanted.value)


@pytest.mark.parametrize(
    "text", ["", "0.5", "speed=2", "bytes=", "bytes=0", "bytes=20ms", "flops=-1", "flops=100%", "flops=2", "latency=40"]
)
def test_what_is_no_target(text: str):
    with pytest.raises(UsageError):
        read_target(text)


def test_shares():
    assert read_target("bytes=20MB").share(80e6) == 0.25
    assert read_target("bytes=0.3").share(80e6) == 0.3
    with pytest.raises(UsageError, match="it has 1e\\+07 bytes and 2e\\+07 are wanted"):
        read_target("bytes=20MB").share(10e6)
