"""Real Ray against one process; skipped where Ray is not installed.

It runs in an environment of its own: `make framework-ray`.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from doc_pages import blocks

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # its servers listen on loopback only, as they do on those
pytest.importorskip("ray", reason="Ray is not installed")

import pyarrow as pa
import pyarrow.parquet as pq
import ray

from ctxprune import Pruner
from ctxprune.errors import InputError, UsageError
from ctxprune.integrations.arrow import PruneRows
from ctxprune.integrations.parquet import PruneReport, prune_parquet
from ctxprune.integrations.ray import RayPool
from ctxprune.rag import PassagePruner
from ctxprune.sql.values.many import index_databases

# Ray's own: its DataContext sets old names of its settings.
pytestmark = pytest.mark.filterwarnings(r"ignore:`use_\w+` is deprecated:DeprecationWarning:ray.data.context")

QUERY = "When did the bridge open?"


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=100_000_000,
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    assert [node["NodeManagerAddress"] for node in ray.nodes()] == ["127.0.0.1"]
    yield
    ray.shutdown()


def corpus(folder: Path, rows: int) -> Path:
    folder.mkdir()
    words = ("It was painted red.", "Tickets cost five.", "Cats sleep.", "It did open in {}.", "The river is wide.")
    texts = [" ".join(words[i % 5 :] + words[: i % 5]).format(1900 + i) if i % 7 else None for i in range(rows)]
    pq.write_table(pa.table({"id": range(rows), "text": texts}), folder / "a.parquet", row_group_size=rows // 2)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def workers() -> list[int]:
    """Process ids of Ray's workers below this process."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                title, stat = (entry / "cmdline").read_bytes(), (entry / "stat").read_text()
            except OSError:  # it ended meanwhile
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1]), title.startswith(b"ray::MapWorker")
    return [pid for pid, (_, is_worker) in parents.items() if is_worker and _below(pid, parents)]


def _below(pid: int, parents: dict[int, tuple[int, bool]]) -> bool:
    while pid in parents and pid != os.getpid():
        pid = parents[pid][0]
    return pid == os.getpid()


class Killing:
    """A run that kills one worker as soon as `ready()`."""

    def __init__(self, ready: Callable[[], bool]) -> None:
        self.ready, self.killed = ready, 0

    def __call__(self, function: Callable, items: list) -> Iterator[object]:
        thread = threading.Thread(target=self._kill)
        thread.start()
        yield from RayPool(2)(function, items)
        thread.join()

    def _kill(self) -> None:
        for _ in range(6000):
            found = workers() if self.ready() else []
            if found:
                os.kill(found[0], signal.SIGKILL)
                self.killed = found[0]
                return
            time.sleep(0.01)


def test_pruning_is_that_of_one_process_and_survives_a_kill(cluster: None, tmp_path: Path) -> None:
    prune = PruneRows(query=QUERY)  # the bundled model
    source, target = corpus(tmp_path / "corpus", 200), tmp_path / "many"
    expected = prune_parquet(source, tmp_path / "one", prune, rows=10)

    def begun() -> bool:
        return target.is_dir() and len([*target.glob("*.parquet")]) >= 2

    killing = Killing(begun)
    report = prune_parquet(source, target, prune, rows=10, run=killing)
    assert killing.killed
    assert contents(target) == contents(tmp_path / "one")
    assert report == expected
    assert expected.partitions == 20
    assert prune_parquet(source, target, prune, rows=10, run=RayPool(2)) == PruneReport(skipped=20)


def test_rows_within_a_dataset(cluster: None) -> None:
    table = pa.table({"id": range(6), "text": ["It did open in 1933. Cats sleep.", None] * 3})
    settings = {"pruner": PassagePruner(Pruner("lexical.v1")), "query": QUERY}
    found = ray.data.from_arrow(table).map_batches(
        PruneRows, fn_constructor_kwargs=settings, batch_format="pyarrow", compute=ray.data.ActorPoolStrategy(size=1)
    )
    assert sorted(found.take_all(), key=lambda row: row["id"]) == PruneRows(**settings)(table).to_pylist()


def test_indexes_are_those_of_one_process(cluster: None, tmp_path: Path) -> None:
    databases = {}
    for number in range(4):
        databases[f"d{number}"] = tmp_path / f"{number}.sqlite"
        with closing(sqlite3.connect(databases[f"d{number}"])) as connection, connection:
            connection.execute("CREATE TABLE city (name TEXT)")
            connection.executemany("INSERT INTO city VALUES (?)", [(f"City {number} {i}",) for i in range(3000)])
    databases["gone"] = tmp_path / "gone.sqlite"
    one = index_databases(databases, tmp_path / "one")
    killing = Killing((tmp_path / "many").is_dir)
    assert index_databases(databases, tmp_path / "many", run=killing) == one
    assert killing.killed
    arrays = [
        {Path(name).name: content for name, content in contents(tmp_path / folder / "d1").items()}
        for folder in ("one", "many")
    ]
    for found in arrays:
        found.pop("manifest.json")  # says how long it took
    assert arrays[0] == arrays[1]


def test_the_example_of_the_page(
    cluster: None, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = blocks("tasks/ray")
    monkeypatch.chdir(tmp_path)
    corpus(tmp_path / "corpus", 20)
    exec(block.replace("ray.init()", ""), {})
    assert "PruneReport(partitions=2, skipped=0, rows=20" in capsys.readouterr().out
    assert (tmp_path / "indexes" / "shop").is_dir()


def test_a_worker_keeps_to_one_thread(cluster: None) -> None:
    names = ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "TOKENIZERS_PARALLELISM")
    found = [*RayPool(1)(lambda name: (name, os.environ[name]), names)]
    assert sorted(found) == [*zip(names, ("1", "1", "false"), strict=True)]


def test_errors_come_as_they_are(cluster: None, tmp_path: Path) -> None:
    source = corpus(tmp_path / "corpus", 40)
    content = bytearray((source / "a.parquet").read_bytes())
    content[4:60] = bytes(56)
    (source / "a.parquet").write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"a\.parquet, row group 0, rows from 0"):
        prune_parquet(source, tmp_path / "many", PruneRows(query=QUERY), run=RayPool(2))


def test_it_is_the_callers_to_start(cluster: None) -> None:
    assert [*RayPool(2)(len, [])] == []
    ray.shutdown()
    with pytest.raises(UsageError, match=r"call ray\.init\(\) first"):
        [*RayPool(2)(len, [""])]
    assert not ray.is_initialized()


@pytest.mark.parametrize("number", [0, -1, 1.5, True])
def test_arguments(number: object) -> None:
    with pytest.raises(UsageError, match="workers is"):
        RayPool(number)
