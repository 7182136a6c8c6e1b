"""Flipped bits: whatever the library writes and reads back, one bit of it wrong: the same answer, or our own error?

    python benchmarks/stress/bit_flips.py                       # all kinds that this environment can make
    python benchmarks/stress/bit_flips.py --kind index.text     # one of them
    python benchmarks/stress/bit_flips.py --count 200           # instead of 2,000 bits a kind

Of each kind of file one is written; then, again and again, one random bit of it is flipped, it is opened anew, and the
same questions are asked. "same" answers as before the flip (the bit stands where nothing rests on it: blank space, or
what the questions did not need), "refused" with an error of ours, "wrong" another answer, "raw" any other exception.
Wrong and raw must be 0. Kinds of the train extra (caches, gates, shrunk models) are in _torch_kinds.py and run where
torch is installed; each run replaces its own kinds in bit_flips.json and leaves the others.

Files that people write and edit by hand carry no checksum, for one would refuse an honest edit. They are measured, too,
under "by_hand": there a flipped letter is another text, as it is in any source file.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import random
import sqlite3
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.record import record
from ctxprune.errors import CtxpruneError

RESULT = Path(__file__).with_suffix(".json")
SEED = 20261128


@dataclass
class Specimen:
    """One thing that was written.

    Attributes:
        files: Those of which bits are flipped.
        ask: Opens it anew and asks the questions; the same answer each time, comparable by ==.
        close: Called at the end.
    """

    files: list[Path]
    ask: Callable[[], Any]
    close: Callable[[], None] = lambda: None

    def read(self, name: Path) -> bytes:
        return name.read_bytes()

    def write(self, name: Path, content: bytes) -> None:
        name.write_bytes(content)


Make = Callable[[Path], Specimen]
KINDS: dict[str, Make] = {}
BY_HAND = {"knowledge"}


def kind(name: str) -> Callable[[Make], Make]:
    """Registers a function that writes one specimen into an empty folder."""

    def register(make: Make) -> Make:
        KINDS[name] = make
        return make

    return register


def flip_bits(name: str, count: int, seed: int = SEED) -> dict[str, Any]:
    """What came of `count` single flipped bits of one kind."""
    bits, outcomes, examples = random.Random(f"{seed} {name}"), Counter[str](), []
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bit-flips-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        specimen = KINDS[name](Path(folder))
        try:
            right = specimen.ask()
            wholes = {file: specimen.read(file) for file in specimen.files}
            for _ in range(count):
                file = bits.choices(specimen.files, [len(wholes[one]) for one in specimen.files])[0]
                place = bits.randrange(8 * len(wholes[file]))
                outcome, said = _outcome(specimen, file, place, right)
                outcomes[outcome] += 1
                if outcome in ("wrong", "raw") and len(examples) < 5:
                    examples.append(f"{file.name} bit {place}: {said}"[:200].replace(folder, ""))
                specimen.write(file, wholes[file])
        finally:
            specimen.close()
    figures: dict[str, Any] = {key: outcomes[key] for key in ("same", "refused", "wrong", "raw")}
    return {"flips": count, **figures, "examples": examples, "seconds": round(time.perf_counter() - start, 1)}


def _outcome(specimen: Specimen, file: Path, place: int, right: Any) -> tuple[str, str]:
    content = bytearray(specimen.read(file))
    content[place >> 3] ^= 1 << (place & 7)
    specimen.write(file, bytes(content))
    try:
        found = specimen.ask()
    except CtxpruneError:
        return "refused", ""
    except Exception as error:  # noqa: BLE001 - the very thing that is looked for
        return "raw", repr(error)
    return ("same", "") if found == right else ("wrong", "another answer")


def made_database(path: Path, rows: int = 1500) -> Path:
    """A SQLite file with two tables of texts, numbers and days."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE harbour (name TEXT, quay TEXT, size INTEGER, built TEXT)")
        values = ((f"Oslo {k}", f"quay of {k * 7}", k * 3, f"20{k % 25:02}-0{k % 9 + 1}-11") for k in range(rows))
        connection.executemany("INSERT INTO harbour VALUES (?, ?, ?, ?)", values)
        connection.execute("CREATE TABLE secret (mail TEXT)")
        connection.executemany("INSERT INTO secret VALUES (?)", ((f"anna{k}@example.org",) for k in range(50)))
    return path


QUESTIONS = (
    "How many ships lie in Oslo 55?",
    "Which harbours are larger than 3000 and stand on quai of 707?",
    "Who wrote as anna7@example.org from Oslo 1204 since 2011?",
)


def _index(folder: Path, name: str) -> Specimen:
    from ctxprune.sql.database.database import Database
    from ctxprune.sql.values import ValueIndex

    with Database(made_database(folder / "db.sqlite"), isolated=False) as database:
        ValueIndex.for_database(database, folder / "index", mask_personal=True)
    files = sorted((folder / "index").glob(f"data-*/{name}.npy")) or [folder / "index" / name]
    return Specimen(files, lambda: _look_up(ValueIndex.open(folder / "index")))


def _look_up(index: Any) -> list[Any]:
    return [[index.lookup(question), index.ranges(question)] for question in QUESTIONS] + [index.hidden]


for _name in ("text", "ends", "keys", "bands", "sketches", "key_starts", "band_starts", "checks", "manifest.json"):
    KINDS[f"index.{_name}"] = lambda folder, name=_name: _index(folder, name)


@kind("index.privacy")
def privacy(folder: Path) -> Specimen:
    from ctxprune.sql.database.database import Database
    from ctxprune.sql.schema.schema import ColumnRef
    from ctxprune.sql.values.privacy import PRIVACY_FILE, Privacy

    with Database(made_database(folder / "db.sqlite"), isolated=False) as database:
        schema = database.schema()
    Privacy(mask=frozenset({ColumnRef("secret", "mail")}), mask_personal=True).keep(folder)
    return Specimen([folder / PRIVACY_FILE], lambda: Privacy.saved(folder, schema))


@kind("index.unfinished")
def unfinished(folder: Path) -> Specimen:
    """What a killed build left: the next one goes on from it, or starts anew, and ends with the same index."""
    from ctxprune.sql.database.database import Database
    from ctxprune.sql.values.minhash import Signer
    from ctxprune.sql.values.reuse import PreviousIndex
    from ctxprune.sql.values.run_buffer import RunBuffer

    made_database(folder / "db.sqlite", 60)
    (work := folder / "build").mkdir()
    values = [f"Oslo {k:04}" for k in range(200)]
    signer = Signer.from_datasketch()
    import numpy as np

    with Database(folder / "db.sqlite", isolated=False), RunBuffer(signer, work, spill=1) as parts:
        parts.add(values, np.full(len(values), -1), PreviousIndex.empty(), fuzzy=True)
        parts.checkpoint([{"table": "t", "column": "c", "values": 200}], PreviousIndex.empty())
    files = sorted(path for path in work.rglob("*") if path.is_file())
    kept = {path: path.read_bytes() for path in files}

    def ask() -> Any:
        with RunBuffer(signer, work) as again:
            reports = again.resume(PreviousIndex.empty())  # which removes what is not whole
            taken = [source.read("text").tobytes() + source.rows.tobytes() for source in again.sources()]
        for path, content in kept.items():
            path.parent.mkdir(exist_ok=True)
            if not path.exists():
                path.write_bytes(content)
        return "anew" if not reports else (reports, taken, again.rows)

    right = ask()
    return Specimen(files, lambda: right if (found := ask()) == "anew" else found)


@kind("cache.answers")
def answers(folder: Path) -> Specimen:
    from ctxprune.llm.base import ChatAnswer
    from ctxprune.llm.cache import GenerationCache

    path = folder / "answers.sqlite"
    cache, keys = GenerationCache(path), [f"{k:064x}" for k in range(20)]
    for number, key in enumerate(keys):
        cache.put(key, "model", [ChatAnswer(f"SELECT {number} FROM harbour", 100 + number, 7, 12.5)])

    def ask() -> Any:
        opened = GenerationCache(path)
        found = [opened.get(key) for key in keys]
        return found, [key for key in keys if key]

    right = ask()
    # An answer that is no longer found is asked for again: no other answer.
    return Specimen([path], lambda: _without_misses(ask(), right))


def _without_misses(found: Any, right: Any) -> Any:
    pairs = zip(found[0], right[0], strict=True)
    return [one if one is not None else other for one, other in pairs], found[1]


@kind("cache.executions")
def executions(folder: Path) -> Specimen:
    from ctxprune.sql.database.database import ResultSet
    from ctxprune.sql.evaluation.executions import ExecutionCache

    path, texts = folder / "executions.sqlite", [f"{k:064x}" for k in range(20)]
    with ExecutionCache(path) as cache:
        for number, key in enumerate(texts):
            cache.put(key, None if number % 3 == 2 else ResultSet(("a",), ((number, f"Oslo {number}"),), False))
    whole = path.read_bytes()

    def ask() -> list[Any]:
        with ExecutionCache(path) as opened:
            return [opened.get(key) for key in texts]

    right = ask()

    def found() -> list[Any]:
        try:
            return [one if one[0] else other for one, other in zip(ask(), right, strict=True)]
        finally:
            path.write_bytes(whole)

    return Specimen([path], found)


@kind("run log")
def run_log(folder: Path) -> Specimen:
    from ctxprune.sql.evaluation.journal import Journal, read_log
    from ctxprune.sql.evaluation.outcome import Result

    path = folder / "run.log"
    with Journal(path, {"data": "spider", "mode": "official"}, Result.load) as journal:
        for number in range(40):
            right = number % 3 > 0
            journal.add(Result(number, "shop", "easy", f"SELECT {number}", right=right, seconds=number / 8))
    return Specimen([path], lambda: read_log(path))


@kind("calibration")
def calibration(folder: Path) -> Specimen:
    from ctxprune.calibration.stored import Calibration
    from ctxprune.utils.fingerprint import Identity

    path = folder / "calibration.json"
    Calibration(
        limit=0.25, risk=0.02, bound=0.018, loss="strict", by="question", confidence=None, seen=0.015, left_out=None,
        n=400, groups=12, kept_share=0.4, measure="size.v1", scorer=Identity("lexical.v1", "ab12"),
        closure=Identity("Threshold", "cd34"), data="0123abcd",
    ).save(path)  # fmt: skip
    return Specimen([path], lambda: Calibration.load(path))


@kind("parquet target")
def parquet_target(folder: Path) -> Specimen:
    import pyarrow as pa
    from pyarrow import parquet

    from ctxprune import Pruner
    from ctxprune.integrations.parquet import PruneRows, prune_parquet
    from ctxprune.rag import PassagePruner

    texts = [f"The bridge {k} is long. It was painted. It did open in {1900 + k}." for k in range(40)]
    parquet.write_table(pa.table({"text": texts}), folder / "source.parquet")
    prune = PruneRows(PassagePruner(Pruner("lexical.v1")), "When did the bridge open?")
    prune_parquet(folder / "source.parquet", folder / "out", prune, rows=20)
    files = sorted(path for path in (folder / "out").rglob("*") if path.is_file())
    kept = {path: path.read_bytes() for path in files}

    def ask() -> Any:
        try:
            report = prune_parquet(folder / "source.parquet", folder / "out", prune, rows=20)
            return report, {path.name: path.read_bytes() for path in files if path.suffix == ".parquet"}
        finally:
            for path, content in kept.items():
                path.write_bytes(content)

    return Specimen(files, ask)


@kind("model folder")
def model_folder(folder: Path) -> Specimen:
    import shutil

    from ctxprune.models.pruner import PrunerModel, bundled

    shutil.copytree(bundled(), folder / "model")
    files = [folder / "model" / name for name in ("manifest.json", "tokenizer.json", "model.onnx")]
    return Specimen(files, lambda: _model_answers(PrunerModel(folder / "model")))


KINDS["model manifest"] = lambda folder: Specimen((one := model_folder(folder)).files[:1], one.ask)


def _model_answers(model: Any) -> Any:
    return repr(model.manifest), model.encode(["Which harbours are large?"])


def _shipped(package: str, name: str) -> Make:
    """A file of the wheel, read by its own reader from a copy."""

    def make(folder: Path) -> Specimen:
        import importlib

        from ctxprune.models import weights

        source = Path(str(importlib.import_module(package).__file__)).with_name(name)
        (folder / name).write_bytes(source.read_bytes())

        def ask() -> Any:
            before, weights.files = weights.files, lambda _package: folder
            try:
                return weights.shipped(package, name)
            finally:
                weights.files = before

        return Specimen([folder / name], ask)

    return make


for _package, _name in (
    ("ctxprune.scorers.structured.page_parts", "weights.json"),
    ("ctxprune.scorers.structured.table_reading", "weights.json"),
    ("ctxprune.sql.linking", "pool.json"),
    ("ctxprune.sql.linking", "presql.json"),
    ("ctxprune.sql.linking", "ranked.json"),
    ("ctxprune.sql.select", "ranked.json"),
    ("ctxprune.sql.values", "ranges.json"),
    ("ctxprune.sql.values", "weights.json"),
):
    KINDS[f"shipped {_package.removeprefix('ctxprune.')}/{_name}"] = _shipped(_package, _name)


@kind("shipped word vectors")
def word_vectors(folder: Path) -> Specimen:
    from ctxprune import models
    from ctxprune.models.vectors import WordVectors

    path = folder / "vectors.npz"
    path.write_bytes(Path(models.__file__).with_name("vectors.npz").read_bytes())

    def ask() -> Any:
        found = WordVectors.read(path)
        return found.table.tobytes(), found.rows

    return Specimen([path], ask)


@kind("shipped sketch weights")
def sketch_weights(folder: Path) -> Specimen:
    from ctxprune.sql.generate import sketch
    from ctxprune.sql.generate.sketch.generator import WEIGHTS
    from ctxprune.sql.generate.sketch.model import Model

    path = folder / WEIGHTS
    path.write_bytes((Path(sketch.__file__).parent / "weights" / WEIGHTS).read_bytes())

    def ask() -> Any:
        found = Model.load(path.read_bytes())
        return repr(found.templates), found.related, {name: net.w1.tobytes() for name, net in found.nets.items()}

    return Specimen([path], ask)


@kind("knowledge")
def knowledge(folder: Path) -> Specimen:
    from ctxprune.sql.knowledge.entries import Note, Pair, Term
    from ctxprune.sql.knowledge.store import KnowledgeFile

    file = KnowledgeFile(folder / "knowledge.jsonl")
    file.add([
        Pair("How many harbours are open?", "SELECT count(*) FROM harbour"),
        Term("large harbour", "size > 1000", ("harbour.size",)),
        Note("harbour.built", "the day of its opening"),
    ])  # fmt: skip
    return Specimen([file.path], file.read)


class RedisSpecimen(Specimen):
    """Blocks, manifest and pointer of an index in Redis; a "file" is a key, or the key of a hash and a field of it."""

    client: Any = None

    def read(self, name: Path) -> bytes:
        key, field = str(name).partition("|")[::2]
        return self.client.hget(key, field) if field else self.client.get(key)

    def write(self, name: Path, content: bytes) -> None:
        key, field = str(name).partition("|")[::2]
        self.client.hset(key, field, content) if field else self.client.set(key, content)


@kind("index in Redis")
def redis_index(folder: Path) -> Specimen:
    """Needs redis-server on this machine."""
    from ctxprune.sql.database.database import Database
    from ctxprune.sql.values import ValueIndex
    from ctxprune.sql.values.redis_index import RedisIndex

    sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))
    from servers.fixtures import Redis

    stack = contextlib.ExitStack()
    server = stack.enter_context(Redis())
    with Database(made_database(folder / "db.sqlite"), isolated=False) as database:
        RedisIndex(server.url, "flips").publish(ValueIndex.build(database, mask_personal=True))
    client = RedisIndex(server.url, "flips").server.client
    names: list[Path] = []
    for key in map(bytes.decode, sorted(client.keys("*"))):
        fields = client.hkeys(key) if client.type(key) == b"hash" else [b""]
        names += [Path(f"{key}|{field.decode()}" if field else key) for field in fields]
    names = [name for name in names if str(name)]
    found = RedisSpecimen(names, lambda: _look_up(RedisIndex(server.url, "flips").current()), stack.close)
    found.client = client
    return found


def available() -> Iterator[str]:
    """Kinds that this environment can make."""
    if importlib.util.find_spec("torch") and importlib.util.find_spec("safetensors"):
        from benchmarks.stress import _torch_kinds

        KINDS.update(_torch_kinds.KINDS)
    for name in KINDS:
        if name == "parquet target" and not importlib.util.find_spec("pyarrow"):
            continue
        yield name


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--kind", action="append", help="one of the kinds; may be repeated")
    words.add_argument("--count", type=int, default=2000)
    asked = words.parse_args()
    names = asked.kind or list(available())
    list(available())
    figures = json.loads(RESULT.read_text())["figures"] if RESULT.exists() else {"kinds": {}, "by_hand": {}}
    for name in names:
        found = flip_bits(name, asked.count)
        print(name, found)
        figures["by_hand" if name in BY_HAND else "kinds"][name] = found
        every = figures["kinds"].values()
        figures["total"] = {key: sum(one[key] for one in every) for key in ("flips", "same", "refused", "wrong", "raw")}
        record("../stress/bit_flips", figures, seed=SEED, data={"all": "made by the script"})


if __name__ == "__main__":
    main()
