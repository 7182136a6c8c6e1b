"""The wheel and the sdist hold every file once, as a real file, and the wheel works away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


def run(*words: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheel (built from the sdist, as pip would) and sdist."""
    out = tmp_path_factory.mktemp("dist")
    run("-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    return out


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    wheel = next(dist.glob("*.whl"))
    run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel, cwd=target)
    return target


def sources() -> set[str]:
    """Every file of the package, as the import system names it."""
    found = set()
    for folder, name in (
        (ROOT / "ctxprune", "ctxprune"),
        (ROOT / "sql", "ctxprune/sql"),
        (ROOT / "rag", "ctxprune/rag"),
    ):
        for path in folder.rglob("*"):
            inside = path.relative_to(folder)
            if path.is_file() and "__pycache__" not in inside.parts and inside.parts[0] not in {"sql", "rag"}:
                found.add(f"{name}/{inside.as_posix()}")
    return found


def test_the_wheel_holds_every_file_once(dist: Path):
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as archive:
        infos = archive.infolist()
    names = [info.filename for info in infos if ".dist-info/" not in info.filename]
    assert len(names) == len(set(names))
    assert set(names) == sources()
    links = [info.filename for info in infos if (info.external_attr >> 16) & 0o170000 == 0o120000]
    assert links == []
    assert not any(name.startswith(("sql/", "rag/", "tests/", "benchmarks/")) for name in names)


def test_the_sdist_holds_every_file_once(dist: Path):
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        members = archive.getmembers()
    names = [member.name.split("/", 1)[1] for member in members if not member.isdir()]
    assert len(names) == len(set(names))
    assert all(member.isfile() or member.isdir() for member in members)
    assert sources() <= set(names)
    assert {"LICENSE", "README.md", "pyproject.toml"} <= set(names)
    assert not any(name.startswith(("sql/", "rag/")) for name in names)


def test_the_wheel_is_small(dist: Path):
    assert next(dist.glob("*.whl")).stat().st_size < 25_000_000


def test_the_installed_wheel_imports_and_runs(installed: Path, tmp_path: Path):
    place = run("-c", "import ctxprune; print(ctxprune.__file__)", cwd=tmp_path, PYTHONPATH=str(installed)).strip()
    assert Path(place).parent.parent == installed
    run("-c", "import ctxprune.sql, ctxprune.rag", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "prune" in run("-m", "ctxprune", "--help", cwd=tmp_path, PYTHONPATH=str(installed))


def test_the_repository_holds_no_stray_symlink():
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    links = sorted(line.split("\t", 1)[1] for line in listed.stdout.splitlines() if line.startswith("120000"))
    assert links == ["ctxprune/rag", "ctxprune/sql"]
