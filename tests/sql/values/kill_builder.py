"""Helper process of test_kill.py: for every line on stdin forks a child that builds and saves indexes without end.

Answers with the child's process id once that child has started its loop; the test kills it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ctxprune.sql.database import Database
from ctxprune.sql.values import ValueIndex


def main() -> None:
    sources, directory = sys.argv[1:-1], Path(sys.argv[-1])
    for source in sources:  # whatever is imported on first use is there before the children start
        with Database(source, isolated=False) as database:
            ValueIndex.build(database).lookup("warm up")
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
