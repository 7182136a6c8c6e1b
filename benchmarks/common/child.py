"""A peer in an environment of its own: a script that answers each JSON line with another."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path


class Child:
    """Runs `script`, a file beside this one, with the interpreter `python`; `about` is the first line that it writes.

    Raises:
        SystemExit: It says nothing; `packages` are what the environment needs.
    """

    def __init__(self, python: str, script: str, *words: str, packages: str) -> None:
        self._packages = packages
        self._process = subprocess.Popen(
            [python, "-W", "ignore", str(Path(__file__).resolve().parents[1] / "peers" / script), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.about = self._read()

    def ask(self, line: object):
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=30)

    def _read(self):
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the environment of a peer does not run it (pip install {self._packages})")
        return json.loads(line)
