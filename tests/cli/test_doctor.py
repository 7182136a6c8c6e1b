from __future__ import annotations

import json
from importlib import metadata
from types import SimpleNamespace

import pytest

from ctxprune.cli import main
from ctxprune.cli.doctor import run_checks


def by_name() -> dict[str, tuple[str, str]]:
    return {check.name: (check.status, check.advice) for check in run_checks()}


def test_a_sound_installation_has_no_problem(capsys: pytest.CaptureFixture[str]):
    assert main(["doctor", "--json"]) == 0
    checks = json.loads(capsys.readouterr().out)
    assert {"python", "ctxprune", "dependencies", "bundled model", "cache folder"} <= {each["name"] for each in checks}
    assert {each["status"] for each in checks} <= {"ok", "note"}
    assert main(["doctor"]) == 0
    assert "bundled model" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "check", "advice"),
    [("ctxprune", "conflicting package", "pip uninstall ctxprune"), ("sqlglotc", "sqlglot", "pip uninstall sqlglotc")],
)
def test_conflicting_packages_are_problems(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, check: str, advice: str
):
    monkeypatch.setattr(metadata, "distributions", lambda: [SimpleNamespace(metadata={"Name": name})])
    status, said = by_name()[check]
    assert status == "problem"
    assert advice in said
    assert main(["doctor"]) == 1
    assert "1 problem found" in capsys.readouterr().err


def test_a_missing_dependency_is_a_problem_and_a_missing_extra_a_note(monkeypatch: pytest.MonkeyPatch):
    lines = [
        "no-such-package>=1",
        "numpy>=99",
        "sqlglot>=30",
        "not-there-either>=1; extra == 'graph'",
        "old>=1; python_version < '3'",
    ]
    monkeypatch.setattr(metadata, "requires", lambda _: lines)
    checks = by_name()
    details = {check.name: check.detail for check in run_checks()}
    assert checks["dependencies"][0] == "problem"
    assert details["dependencies"].startswith("no-such-package is missing; numpy is ")
    assert checks["extra graph"] == ("note", "for its uses: pip install 'ctxprune-middleware[graph]'")


def test_a_damaged_model_is_a_problem(monkeypatch: pytest.MonkeyPatch):
    from ctxprune.errors import FormatError

    def refuse() -> None:
        raise FormatError("the weights are damaged")

    monkeypatch.setattr("ctxprune.models.pruner.load_pruner", refuse)
    assert by_name()["bundled model"][0] == "problem"


def test_a_check_that_fails_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch):
    def refuse() -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(metadata, "distributions", refuse)
    checks = by_name()
    assert checks["conflicts"][0] == "problem"
    assert checks["python"][0] == "ok"


def test_a_cache_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "below"))
    status, advice = by_name()["cache folder"]
    assert (status, advice) == ("note", "set XDG_CACHE_HOME to a folder that can")


def test_help_shows_flags_without_a_type(capsys: pytest.CaptureFixture[str]):
    for words in (["--help"], ["doctor", "--help"], ["sql", "--help"], ["shrink", "--help"]):
        assert main(words) == 0
        assert "<bool>" not in capsys.readouterr().out


def test_completion_can_be_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SHELL", "/bin/bash")
    assert main(["--help"]) == 0
    assert "--install-completion" in capsys.readouterr().out
