"""Writes one benchmark's figures to benchmarks/results/NAME.json, with all that is needed to run it again.

Those of benchmarks/stress are kept beside their scripts.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

import ctxprune

RESULTS = Path(__file__).resolve().parents[1] / "results"
SHARED = Path(os.environ.get("CTXPRUNE_SHARED", RESULTS.parents[2] / "shared"))


def record(name: str, figures: object, *, seed: int | None, data: dict[str, str], folder: Path = RESULTS) -> Path:
    """Write `figures` (JSON-safe) to NAME.json in `folder`; `data` maps each data set to its fingerprint."""
    document = {
        "command": command(),
        "commit": commit(),
        "ctxprune": ctxprune.__version__,
        "seed": seed,
        "data": data,
        "machine": _machine(),
        "figures": figures,
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stderr.write(f"wrote {path.resolve().relative_to(RESULTS.parents[1])}\n")
    return path


def command() -> str:
    """What this process was started with, without paths of this machine."""
    return shlex.join(["python", *(_short(word) for word in sys.argv)])


def _is_path(word: str) -> bool:
    return bool(word) and (word.startswith((".", "~", "/")) or os.path.exists(word))


def _short(word: str) -> str:
    """A path inside the checkout relative to it, any other by its name alone: no path of this machine is recorded."""
    option, equals, value = ("", "", word) if _is_path(word) else word.partition("=")
    if not _is_path(value):
        return word
    root = RESULTS.parent.parent
    place = Path(os.path.normpath(Path(value).absolute()))  # not resolved: a virtual environment's python is a link
    return f"{option}{equals}{place.relative_to(root) if place.is_relative_to(root) else place.name}"


def commit() -> str:
    """The abbreviated hash of HEAD; "" outside a checkout."""
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=RESULTS, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _machine() -> dict[str, object]:
    model = ""
    if (info := Path("/proc/cpuinfo")).exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else ""
    return {"cpu": model or platform.processor(), "cores": os.cpu_count(), "python": platform.python_version()}
