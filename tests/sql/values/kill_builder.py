"""Helper process of test_kill.py: a source of children that build or update an index, spilling all the time.

Says how many seconds one build takes. Then, for every line on stdin, which names a directory, forks a child that brings
the index there up to date and waits to be killed; answers with its process id, waits for its death and says so.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from ctxprune.sql.database.database import Database
from ctxprune.sql.values import ValueIndex, run_buffer, sorting


def small_steps() -> None:
    """Spill and sort in very small pieces, so that a small build goes through everything that a large one does."""
    run_buffer._SPILL, run_buffer._BATCH, sorting._CHUNK = 30_000, 50, 64


def main() -> None:
    small_steps()
    source, warm = sys.argv[1], Path(sys.argv[2])
    for turn in (0, 1):  # whatever is imported on first use is there before the children start
        start = time.perf_counter()
        with Database(source, isolated=False) as database:
            ValueIndex.for_database(database, warm / str(turn))
    sys.stdout.write(f"{time.perf_counter() - start}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            with Database(source, isolated=False) as database:
                ValueIndex.for_database(database, line.strip())
            time.sleep(60)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        os.waitpid(child, 0)
        sys.stdout.write("dead\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
