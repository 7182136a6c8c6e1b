"""`ctxprune doctor`: whether this installation can work, and what to do where it cannot."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import typer
from packaging.requirements import Requirement

import ctxprune
from ctxprune.cli._options import JsonOption

__all__ = ["Check", "doctor", "run_checks"]

_DISTRIBUTION = "ctxprune-middleware"
_OLDEST_PYTHON = (3, 11)
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
_MOST_INDEXES = 200  # that are looked at
_USES = {
    "agents": "the middleware of LangChain's agents",
    "ann": "nearest neighbours among many vectors",
    "duckdb": "DuckDB databases",
    "embedding": "embedding models and cross-encoders of sentence-transformers",
    "gguf": "shrinking and reading GGUF models",
    "haystack": "Haystack pipelines",
    "html": "HTML pages",
    "jsonschema": "checks of records against their JSON Schema",
    "kv-backends": "quantised KV caches of transformers",
    "langchain": "LangChain",
    "llama-index": "LlamaIndex",
    "llm": "chat models in GGUF files and behind HTTP",
    "main-text": "the main text of pages by trafilatura as well",
    "mcp": "ctxprune mcp",
    "mysql": "MySQL and MariaDB databases",
    "onnx": "ONNX models of your own",
    "otel": "traces by OpenTelemetry",
    "postgres": "PostgreSQL databases",
    "ray": "corpora on a Ray cluster",
    "redis": "value indexes that workers share",
    "serve": "ctxprune serve",
    "tables": "Parquet and Arrow tables",
    "train": "ctxprune train, shrink and bench kv",
}
"""What each extra is for, after "for"."""
_MARKS = {"ok": "green", "note": "yellow", "problem": "bold red"}


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Attributes:
        name: What was looked at.
        status: "ok"; "note" for what limits some uses; "problem" for what makes answers wrong or calls fail.
        detail: What was found.
        advice: The command or change that mends it; "" where nothing needs to be done.
    """

    name: str
    status: str
    detail: str
    advice: str = ""


def doctor(as_json: JsonOption = False) -> None:
    """Check this installation: versions, conflicting packages, extras, model files, cache folders and what is in them.

    Nothing is changed and nothing is downloaded. Ends with exit code 1 where a problem was found.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress

    with show_progress("checking"):
        checks = run_checks()
    if as_json:
        _console.print_json([asdict(check) for check in checks])
    else:
        _print_checks(checks)
    problems = sum(check.status == "problem" for check in checks)
    if problems:
        _console.print_note(f"{_console.format_count(problems, 'problem')} found")
        raise typer.Exit(1)
    notes = sum(check.status == "note" for check in checks)
    _console.print_note(
        "no problem found" + (f"; {_console.format_count(notes, 'note')} on what some uses need" if notes else "")
    )


def run_checks() -> list[Check]:
    """All checks in order. A check that itself fails is a problem of its own, so that the others are still made."""
    found: list[Check] = []
    for make in _CHECKS:
        try:
            found += make()
        except Exception as error:  # noqa: BLE001  # a broken installation fails in ways that nobody can list
            name = make.__name__.removeprefix("_check_").replace("_", " ")
            found.append(Check(name, "problem", f"the check itself failed: {type(error).__name__}: {error}"))
    return found


def _check_python() -> Iterator[Check]:
    version = platform.python_version()
    detail = f"{version} on {platform.system()} {platform.machine()}"
    if sys.version_info < _OLDEST_PYTHON:
        yield Check("python", "problem", detail, "install Python 3.11 or newer")
    else:
        yield Check("python", "ok", detail)


def _check_package() -> Iterator[Check]:
    folder = Path(ctxprune.__file__).parent
    yield Check("ctxprune", "ok", f"{ctxprune.__version__} in {folder}")
    broken = [name for name in ("sql", "rag") if not (folder / name / "__init__.py").is_file()]
    if broken:  # a checkout of git without symbolic links has text files in their place
        names = " and ".join(f"ctxprune/{name}" for name in broken)
        advice = "run: git config core.symlinks true, then check out again; or install the wheel"
        yield Check("ctxprune folders", "problem", f"{names} cannot be imported", advice)


def _check_conflicts() -> Iterator[Check]:
    """The name `ctxprune` on PyPI is another project's, which installs into the same folder as this library."""
    names = {dist.metadata["Name"].lower() for dist in metadata.distributions() if dist.metadata["Name"]}
    if "ctxprune" in names:
        advice = f"run: pip uninstall ctxprune {_DISTRIBUTION}, then pip install {_DISTRIBUTION}"
        yield Check(
            "conflicting package", "problem", "the distribution 'ctxprune' has written into the same folder", advice
        )
    if "sqlglotc" in names:  # compiled classes cannot be adapted, and the guard is made of adapted ones
        yield Check(
            "sqlglot",
            "problem",
            "the compiled parser (sqlglotc, from sqlglot[c]) is installed, so the guard refuses every query",
            "run: pip uninstall sqlglotc",
        )


def _check_dependencies() -> Iterator[Check]:
    wrong, listed = [], []
    for requirement, extra in _requirements():
        if extra:
            continue
        name = requirement.name
        if not _is_installed(name):
            wrong.append(f"{name} is missing")
        elif not _is_recent(requirement):
            wrong.append(f"{name} is {_version(name)}, not {requirement.specifier}")
        else:
            listed.append(f"{name} {_version(name)}")
    if wrong:
        yield Check("dependencies", "problem", "; ".join(wrong), f"run: pip install --upgrade {_DISTRIBUTION}")
    elif listed:
        yield Check("dependencies", "ok", ", ".join(listed))
    else:
        advice = f"install it with pip: pip install {_DISTRIBUTION}"
        yield Check("dependencies", "note", "no metadata: the folder is used without being installed", advice)


def _check_extras() -> Iterator[Check]:
    by_extra: dict[str, list[Requirement]] = {}
    for requirement, extra in _requirements():
        if extra and extra != "dev":
            by_extra.setdefault(extra, []).append(requirement)
    for extra, requirements in sorted(by_extra.items()):
        use = _USES.get(extra, "its uses")
        missing = [one.name for one in requirements if not _is_installed(one.name)]
        # A release that is too old fails deep in a call, with a message of its own.
        old = [
            f"{one.name} is {_version(one.name)}, not {one.specifier}" for one in requirements if not _is_recent(one)
        ]
        if missing or old:
            detail = "; ".join([*([f"missing: {', '.join(missing)}"] if missing else []), *old])
            advice = f"for {use}: pip install {'--upgrade ' if old else ''}'{_DISTRIBUTION}[{extra}]'"
            yield Check(f"extra {extra}", "note", detail, advice)
        else:
            yield Check(f"extra {extra}", "ok", f"for {use}")


def _check_models() -> Iterator[Check]:
    from ctxprune.errors import CtxpruneError
    from ctxprune.models.pruner import load_pruner

    try:
        model = load_pruner()
    except CtxpruneError as error:
        yield Check("bundled model", "problem", str(error), f"run: pip install --force-reinstall {_DISTRIBUTION}")
        return
    yield Check("bundled model", "ok", f"loads, its checksum holds (fingerprint {model.fingerprint})")


def _check_folders() -> Iterator[Check]:
    from ctxprune.errors import CtxpruneError
    from ctxprune.storage.folders import cache_folder, config_folder

    for name, variable, folder_of in (
        ("cache folder", "XDG_CACHE_HOME", cache_folder),
        ("configuration folder", "XDG_CONFIG_HOME", config_folder),
    ):
        try:
            folder = folder_of()
        except CtxpruneError as error:
            yield Check(name, "note", str(error))
            continue
        try:
            nearest = next(place for place in (folder, *folder.parents) if place.exists())
            there, is_folder = nearest == folder, nearest.is_dir()
        except OSError as error:  # a parent that may not be entered
            advice = f"set {variable} to a folder of yours"
            yield Check(name, "note", f"{folder} cannot be reached ({error.strerror})", advice)
            continue
        if not is_folder:
            yield Check(
                name, "note", f"{nearest} is a file, not a folder", f"set {variable} to a folder, or move it away"
            )
        elif not os.access(nearest, os.W_OK | os.X_OK):
            yield Check(name, "note", f"{nearest} cannot be written to", f"set {variable} to a folder that can")
        elif not os.access(nearest, os.R_OK):
            yield Check(name, "note", f"{nearest} cannot be read", f"set {variable} to a folder that can")
        else:
            yield Check(name, "ok", str(folder) if there else f"{folder} (made when first needed)")


def _check_caches() -> Iterator[Check]:
    """What is kept in the cache folder: a file that cannot be opened costs time or an answer each time it is wanted."""
    import sqlite3
    from contextlib import closing

    from ctxprune.errors import CtxpruneError, FormatError
    from ctxprune.sql.values import index_files
    from ctxprune.storage.folders import cache_folder

    try:
        folder = cache_folder()
        # Regular files: opening a pipe would wait for ever.
        stores = sorted(path for path in folder.glob("*.sqlite") if path.is_file())
        indexes = sorted((folder / "values").iterdir()) if (folder / "values").is_dir() else []
    except (CtxpruneError, OSError):
        return  # the check of folders says so
    damaged = []
    for path in stores:
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            damaged.append((path, str(error)))
    for path in indexes[:_MOST_INDEXES]:
        try:
            if (path / "manifest.json").is_file():  # else it is being built, or a build was stopped
                index_files.read_manifest(path)
        except (FormatError, OSError) as error:
            damaged.append((path, error.what if isinstance(error, FormatError) else str(error)))
    for path, why in damaged:
        yield Check("cache", "note", f"{path} cannot be used: {why}", f"delete it, it is made anew: {path}")
    if not damaged:
        kept = len(stores) + len(indexes)
        yield Check("cache", "ok", f"{kept} kept, all can be opened" if kept else "empty")


_CHECKS: tuple[Callable[[], Iterator[Check]], ...] = (
    _check_python,
    _check_package,
    _check_conflicts,
    _check_dependencies,
    _check_extras,
    _check_models,
    _check_folders,
    _check_caches,
)


def _requirements() -> list[tuple[Requirement, str]]:
    """The required packages, each with the extra that asks for it ("" for the library itself)."""
    try:
        lines = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []
    found = []
    for requirement in map(Requirement, lines):
        extra = _EXTRA.search(str(requirement.marker or ""))
        name = extra.group(1) if extra else ""
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": name})
        if requirement.name != _DISTRIBUTION and applies:
            found.append((requirement, name))
    return found


def _is_recent(requirement: Requirement) -> bool:
    """Whether what is installed is of a release that is asked for; what is not installed is told elsewhere."""
    version = _version(requirement.name)
    return not version or requirement.specifier.contains(version, prereleases=True)


def _version(name: str) -> str:
    """The release that is installed; "" without metadata."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _is_installed(name: str) -> bool:
    return bool(_version(name)) or find_spec(name.replace("-", "_")) is not None


def _print_checks(checks: list[Check]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from ctxprune.cli import _console

    table = Table("", "check", "found", box=box.SIMPLE, show_header=False)
    for check in checks:
        text = Text(_console.escape(check.detail))
        if check.advice:
            text.append(f"\n{_console.escape(check.advice)}", style="bold")
        table.add_row(Text(check.status, style=_MARKS[check.status]), check.name, text)
    _console.stdout_console().print(table)
