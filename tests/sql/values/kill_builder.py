"""Helper process of test_kill.py: a source of children that build and save indexes without end.

Says how many seconds two builds take. Then, for every line on stdin, forks a child, answers with its process id, waits
for its death and says so.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from ctxprune.sql.database import Database
from ctxprune.sql.values import ValueIndex


def main() -> None:
    sources, directory = sys.argv[1:-1], Path(sys.argv[-1])
    for turn in (0, 1):  # whatever is imported on first use is there before the children start
        start = time.perf_counter()
        for source in sources:
            with Database(source, isolated=False) as database:
                ValueIndex.for_database(database, directory.with_name(f"warm{turn}"))
    sys.stdout.write(f"{time.perf_counter() - start}\n")
    sys.stdout.flush()
    for _line in sys.stdin:
        child = os.fork()
        if child == 0:
            while True:
                for source in sources:
                    with Database(source, isolated=False) as database:
                        ValueIndex.for_database(database, directory)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        os.waitpid(child, 0)
        sys.stdout.write("dead\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
