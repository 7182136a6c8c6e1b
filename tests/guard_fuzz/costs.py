"""What the guard spends on statements of each shape, each in a process of its own with limits.

    python -m guard_fuzz.costs '{"shapes": ["AND"], "sizes": [6000, 12000]}'

Prints one JSON object a line: shape, size (characters asked for), length (characters), seconds (of processor time),
bytes (by which the resident memory grew at most), allowed, reason; seconds is null where a limit ended the process.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ctxprune.sql.guard import Guard

from .shapes import SHAPES, wide_schema, write_shape

__all__ = ["measure", "run"]

_CPU = 20  # seconds, after which a statement is ended
_MEMORY = 1 << 30  # bytes of address space that a statement may add


def run(shapes: Iterable[str], sizes: Iterable[int], *, closed: bool = True) -> Iterator[dict[str, Any]]:
    """The measurements, made in a process that has no threads, since it forks for each.

    Args:
        shapes: Names in `SHAPES`.
        sizes: Characters.
        closed: The guard is given a schema.
    """
    given = json.dumps({"shapes": list(shapes), "sizes": list(sizes), "closed": closed})
    root = Path(__file__).resolve().parent.parent
    # the package that this process uses, wherever its source is
    path = os.pathsep.join([str(root), str(root.parent), *filter(None, [os.environ.get("PYTHONPATH", "")])])
    with subprocess.Popen(
        [sys.executable, "-m", "guard_fuzz.costs", given],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        text=True,
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            yield json.loads(line)
    if child.returncode:
        raise RuntimeError(f"the measurements ended with {child.returncode}")


def measure(guard: Guard, shape: str, size: int) -> dict[str, Any]:
    """One statement, in a fork."""
    text = write_shape(shape, size)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            os.write(writer, json.dumps(_check(guard, text)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    found = json.loads(said) if said else {"seconds": None, "bytes": None, "allowed": None, "reason": "a limit"}
    return {"shape": shape, "dialect": guard.dialect, "size": size, "length": len(text), **found}


def _check(guard: Guard, text: str) -> dict[str, Any]:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + _MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU, _CPU))
    before = _resident()
    started = time.process_time()
    verdict = guard.check(text)
    seconds = time.process_time() - started
    return {
        "seconds": round(seconds, 4),
        "bytes": max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before, 0),
        "allowed": verdict.allowed,
        "reason": verdict.reason,
    }


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _main() -> None:
    given = json.loads(sys.argv[1])
    guards: dict[str, Guard] = {}
    for shape in given["shapes"]:
        dialect = SHAPES[shape][0]
        guard = guards.setdefault(dialect, Guard(dialect, wide_schema(dialect) if given["closed"] else None))
        guard.check("SELECT t0.c0 FROM t0")  # imports and tables are made once
        for size in given["sizes"]:
            sys.stdout.write(json.dumps(measure(guard, shape, size)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _main()
