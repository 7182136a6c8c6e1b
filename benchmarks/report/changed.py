"""Which figures differ from those that are committed: what a change that must not change anything is checked with.

    python benchmarks/report/changed.py [NAME ...] [--against HEAD]     # exit code 1 where a figure differs

NAME is a file of benchmarks/results without its ending; none means all that git sees as changed. Rows that only
one of the two has, such as peers that are not installed, are counted apart and change no exit code. Times, memory and
what hangs on the machine are left out: keys with "second", "ms", "time", "memory", "mb", "speed" or "rate" in a word.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
RESULTS = "benchmarks/results"
OF_THE_MACHINE = re.compile(r"(?:^|[_ ])(?:seconds?|ms|times?|memory|mi?b|speed|per_second|rate|ratio)(?:$|[_ ])")
SHOWN = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--against", default="HEAD", help="the commit to compare with")
    options = parser.parse_args()
    names = options.names or changed_names(options.against)
    differing = 0
    for name in names:
        before, after = committed(name, options.against), json.loads((ROOT / RESULTS / f"{name}.json").read_text())
        found, absent = [], 0
        for line, missing in differences(before["figures"], after["figures"], name):
            absent += missing
            found += [] if missing else [line]
        differing += len(found)
        left_out = f", {absent} rows are in one of the two only" if absent else ""
        sys.stderr.write(f"{name}: {f'{len(found)} figures differ' if found else 'equal'}{left_out}\n")
        for line in found[:SHOWN]:
            sys.stdout.write(f"  {line}\n")
    return int(differing > 0)


def changed_names(commit: str) -> list[str]:
    command = ["git", "diff", "--name-only", commit, "--", f"{RESULTS}/*.json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(Path(line).stem for line in done.stdout.splitlines())


def committed(name: str, commit: str) -> Any:
    command = ["git", "show", f"{commit}:{RESULTS}/{name}.json"]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def differences(before: Any, after: Any, place: str) -> Iterator[tuple[str, bool]]:
    """Each figure that is another, and whether only one of the two files has it."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            if not OF_THE_MACHINE.search(key.lower()):
                yield from differences(before.get(key), after.get(key), f"{place} / {key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{place} [{number}]")
    elif before != after:
        yield f"{place}: {before!r} became {after!r}", before is None or after is None


if __name__ == "__main__":
    raise SystemExit(main())
