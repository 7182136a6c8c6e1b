"""kill -9 at 20 random moments of a build and of an update that spill to disk: resumed, they equal a clean build."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ctxprune.errors import FormatError
from ctxprune.sql.database.database import Database
from ctxprune.sql.values import ValueIndex, run_buffer, sorting

from .conftest import make, same_arrays

HELPER = Path(__file__).with_name("kill_builder.py")
MOMENTS = 20


def rows(version):
    """Three columns of 150 values; those of version 1 share most with those of version 0."""
    gone, new = (0, 0) if version == 0 else (20, 10)
    return [(f"Oslo {k} harbour", f"quay of {k} {version * (k % 9 == 0)}", f"Z-{k}") for k in range(gone, 150 + new)]


@pytest.mark.skipif(os.name == "nt", reason="needs fork and SIGKILL")
@pytest.mark.parametrize("kind", ["build", "update"])
def test_a_killed_writer_leaves_the_old_index_and_the_next_one_goes_on(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(run_buffer, "_SPILL", 30_000)
    monkeypatch.setattr(run_buffer, "_BATCH", 50)
    monkeypatch.setattr(sorting, "_CHUNK", 64)
    statement, table = "INSERT INTO t VALUES (?, ?, ?)", "CREATE TABLE t (c TEXT, d TEXT, e TEXT)"
    sources = [make(tmp_path / f"{k}.sqlite", table, [(statement, rows(k))]) for k in (0, 1)]
    with Database(sources[0], isolated=False) as old, Database(sources[1], isolated=False) as new:
        before = ValueIndex.for_database(old, tmp_path / "before")
        clean = ValueIndex.build(new)
        moments, states = random.Random(5), []
        command = [sys.executable, str(HELPER), str(sources[1]), str(tmp_path / "warm")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as helper:
            pace = float(helper.stdout.readline())
            for number in range(MOMENTS):
                directory = tmp_path / f"index-{number}"
                if kind == "update":
                    shutil.copytree(before.directory, directory)
                helper.stdin.write(f"{directory}\n")
                helper.stdin.flush()
                child = int(helper.stdout.readline())
                time.sleep(moments.uniform(0.0, 1.2 * pace))
                os.kill(child, signal.SIGKILL)
                assert helper.stdout.readline() == "dead\n"
                states.append(state_of(directory, before if kind == "update" else None, clean))
                resumed = ValueIndex.for_database(new, directory)
                assert resumed.columns == clean.columns
                assert same_arrays(resumed, clean)
                if states[-1] == "unfinished":  # else only the last clean-up was missed: the next writer's task
                    left = sorted(path.name.partition("-")[0] for path in directory.iterdir())
                    assert left == [".lock", "data", "manifest.json"]
            helper.stdin.close()
    assert "unfinished" in states, f"every writer was done before it was killed: {states}"


def state_of(directory, before, clean):
    """Whether the index in a directory is that of before or the new one, whole in either case."""
    if before is None and not (directory / "manifest.json").exists():
        with pytest.raises(FormatError, match="no value index"):
            ValueIndex.open(directory)
        return "unfinished"
    found = ValueIndex.open(directory)
    if found.data_fingerprint == clean.data_fingerprint:
        assert same_arrays(found, clean)
        return "done"
    assert before is not None
    assert same_arrays(found, before)
    return "unfinished"
