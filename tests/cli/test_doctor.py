from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.cli import main
from ctxprune.cli.doctor import _USES, run_checks
from ctxprune.sql.database.database import Database
from ctxprune.sql.values import ValueIndex


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
    assert (status, advice) == ("note", "set XDG_CACHE_HOME to a folder, or move it away")


@pytest.mark.parametrize(
    ("access", "detail"), [(os.W_OK, "cannot be written to"), (os.R_OK, "cannot be read")], ids=["write", "read"]
)
def test_a_folder_that_the_user_may_not_use(access: int, detail: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & access)
    found = {check.name: check for check in run_checks()}["cache folder"]
    assert (found.status, found.advice) == ("note", "set XDG_CACHE_HOME to a folder that can")
    assert found.detail == f"{tmp_path} {detail}"


def test_a_folder_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def refuse(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(Path, "exists", refuse)
    found = {check.name: check for check in run_checks()}["configuration folder"]
    assert (found.status, found.detail) == ("note", f"{tmp_path}/ctxprune cannot be reached (Permission denied)")


def test_what_is_kept_in_the_cache_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shop: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert {check.name: check.detail for check in run_checks()}["cache"] == "empty"
    with Database(shop) as database:
        folder = ValueIndex.for_database(database).directory
    assert folder is not None
    (folder.parent / "stopped-0").mkdir()  # a build that was stopped before it wrote anything
    with closing(sqlite3.connect(tmp_path / "ctxprune" / "generations.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE t (a)")
    assert {check.name: check.detail for check in run_checks()}["cache"] == "3 kept, all can be opened"
    os.mkfifo(tmp_path / "ctxprune" / "pipe.sqlite")  # it is not opened, which would wait for a writer
    (folder / "manifest.json").write_text("{", encoding="utf-8")
    (tmp_path / "ctxprune" / "executions.sqlite").write_bytes(b"no database at all" * 100)
    found = [check for check in run_checks() if check.name == "cache"]
    assert [check.status for check in found] == ["note", "note"]
    assert "executions.sqlite cannot be used: file is not a database" in found[0].detail
    assert found[1].advice == f"delete it, it is made anew: {folder}"


def test_a_library_of_an_extra_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metadata, "requires", lambda _: ["numpy>=99; extra == 'ann'", "no-such>=1; extra == 'ann'"])
    found = {check.name: check for check in run_checks()}["extra ann"]
    assert found.status == "note"
    assert found.detail == f"missing: no-such; numpy is {metadata.version('numpy')}, not >=99"
    advice = "for nearest neighbours among many vectors: pip install --upgrade 'ctxprune-middleware[ann]'"
    assert found.advice == advice


def test_every_extra_says_what_it_is_for():
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert {*pyproject["project"]["optional-dependencies"]} - {"dev"} == {*_USES}


def test_a_sound_installation_is_told_in_one_line(capsys: pytest.CaptureFixture[str]):
    assert main(["doctor"]) == 0
    assert capsys.readouterr().err.startswith("ctxprune: no problem found")


def test_help_shows_flags_without_a_type(capsys: pytest.CaptureFixture[str]):
    for words in (["--help"], ["doctor", "--help"], ["sql", "--help"], ["shrink", "--help"]):
        assert main(words) == 0
        assert "<bool>" not in capsys.readouterr().out


def test_completion_can_be_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SHELL", "/bin/bash")
    assert main(["--help"]) == 0
    assert "--install-completion" in capsys.readouterr().out


_PARTS = {
    "bash": ("complete -o default -F _ctxprune_completion ctxprune", "complete_bash"),
    "zsh": ("#compdef ctxprune", "complete_zsh"),
    "fish": ("complete --command ctxprune", "complete_fish"),
}


@pytest.mark.parametrize("shell", sorted(_PARTS))
def test_completion_has_a_script_for_each_shell(
    shell: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("_CTXPRUNE_COMPLETE", f"source_{shell}")
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    script = capsys.readouterr().out
    assert all(part in script for part in _PARTS[shell])


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands_and_their_subcommands(tmp_path: Path):
    program = tmp_path / "ctxprune"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ctxprune "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    lines = [
        'eval "$(_CTXPRUNE_COMPLETE=source_bash ctxprune)"',
        'COMP_WORDS=(ctxprune sql ma); COMP_CWORD=2; _ctxprune_completion ctxprune; echo "${COMPREPLY[@]}"',
        'COMP_WORDS=(ctxprune corp); COMP_CWORD=1; _ctxprune_completion ctxprune; echo "${COMPREPLY[@]}"',
    ]
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(lines)],
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert ran.stdout.split("\n")[:2] == ["match", "corpus"], ran.stderr
