"""kill -9 at 20 random moments of a build never leaves a broken index."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ctxprune.errors import FormatError
from ctxprune.sql.database import Database
from ctxprune.sql.values import ValueIndex

from .conftest import make

HELPER = Path(__file__).with_name("kill_builder.py")


@pytest.mark.skipif(os.name == "nt", reason="needs fork and SIGKILL")
def test_killed_builders_leave_the_old_index_or_the_new(tmp_path):
    sources, clean = [], {}
    for name in ("Oslo", "Lima"):
        rows = [(f"{name} {k} harbour",) for k in range(150)]
        sources.append(
            make(tmp_path / f"{name}.sqlite", "CREATE TABLE t (c TEXT)", [("INSERT INTO t VALUES (?)", rows)])
        )
        with Database(sources[-1], isolated=False) as database:
            clean[database.data_fingerprint()] = ValueIndex.build(database)
    directory = tmp_path / "index"
    moments, seen = random.Random(5), set()
    command = [sys.executable, str(HELPER), *map(str, sources), str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as helper:
        pace = float(helper.stdout.readline())
        for _ in range(20):
            helper.stdin.write("go\n")
            helper.stdin.flush()
            child = int(helper.stdout.readline())
            time.sleep(moments.uniform(0.0, 0.8 * pace + 0.05))
            os.kill(child, signal.SIGKILL)
            assert helper.stdout.readline() == "dead\n"
            if not (directory / "manifest.json").exists():
                assert not seen, "an index was there and is gone"
                with pytest.raises(FormatError, match="no value index"):
                    ValueIndex.open(directory)
                continue
            found = ValueIndex.open(directory)
            seen.add(found.data_fingerprint)
            assert_equal(found, clean[found.data_fingerprint])
        helper.stdin.close()
    assert seen, "no build ended within the given moments"
    for source in sources:  # one of the two has to be written
        with Database(source, isolated=False) as database:
            resumed = ValueIndex.for_database(database, directory)
            assert_equal(resumed, clean[database.data_fingerprint()])
    assert sorted(path.name.partition("-")[0] for path in directory.iterdir()) == [".lock", "data", "manifest.json"]


def assert_equal(found, wanted):
    assert found.columns == wanted.columns
    for name in type(found._arrays).names():
        assert (getattr(found._arrays, name) == getattr(wanted._arrays, name)).all(), name
