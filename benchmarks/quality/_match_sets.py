"""Which databases and tables are for tuning and which are reported, for the benchmarks of schema matching.

Of the 83 databases of Spider's train and dev part 40 are reported: the dev databases with rows, and the 31 training
databases whose names have the lowest CRC. All else (weights, thresholds) is made on the others. Tables of
WikiTableQuestions: its training tables for tuning, its dev tables for the report.
"""

from __future__ import annotations

import gzip
import json
from zlib import crc32

from benchmarks.common.record import SHARED
from benchmarks.quality._fabricated import SCENARIOS, fabricate_pair, read_database, unique

SPIDER = SHARED / "data" / "nl2sql" / "spider"
WIKI = SHARED / "data" / "rag" / "wikitablequestions"
REPORTED = 40


def databases(part):
    """Names of the databases of "tuning" or "reported", sorted."""
    items = {
        split: json.loads((SPIDER / f).read_text())
        for split, f in (("dev", "dev.json"), ("train", "train_spider.json"))
    }
    present = {path.parent.name for path in SPIDER.glob("database/*/*.sqlite")}
    dev = sorted({item["db_id"] for item in items["dev"]} & present)
    train = sorted({item["db_id"] for item in items["train"]} & present, key=lambda name: crc32(name.encode()))
    reported = sorted([*dev, *train[: REPORTED - len(dev)]])
    return reported if part == "reported" else sorted(set(train) - set(reported))


def database_path(name):
    return SPIDER / "database" / name / f"{name}.sqlite"


def questions(name, most):
    """Questions with their gold queries on one database, each query once, in file order."""
    found = {}
    for file in ("train_spider.json", "dev.json"):
        for item in json.loads((SPIDER / file).read_text()):
            if item["db_id"] == name:
                found.setdefault(" ".join(item["query"].split()), item["question"])
    pairs = [(question, sql) for sql, question in found.items()]
    step = max(len(pairs) // most, 1)
    return pairs[::step][:most]


def spider_tables(part, *, least_rows=12):
    """Tables of Spider's databases as (name, header, rows), with four columns or more."""
    for name in databases(part):
        for table, entry in read_database(database_path(name)).items():
            if len(entry["rows"]) >= least_rows and len(entry["columns"]) >= 4:
                yield table, unique([c[0] for c in entry["columns"]]), [list(row) for row in entry["rows"]]


def wiki_tables(part, *, least_rows=12):
    """Tables of WikiTableQuestions, as `spider_tables`."""
    file = "train_tables.jsonl.gz" if part == "tuning" else "dev_tables.jsonl.gz"
    with gzip.open(WIKI / file, "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            header = unique([name.strip() or "column" for name in entry["header"]])
            rows = [row for row in entry["rows"] if len(row) == len(header)]
            if len(rows) >= least_rows and len(header) >= 4:
                yield entry["title"].split("(")[0].strip() or "table", header, rows


def table_pairs(part, each, seed):
    """`each` pairs a scenario and source (Spider, WikiTableQuestions), spread over the tables."""
    sources = list(spider_tables(part)), list(wiki_tables(part))
    for scenario in SCENARIOS:
        for group in sources:
            step = max(len(group) // each, 1)
            for place in range(each):
                at = (place * step + SCENARIOS.index(scenario) * 7) % len(group)
                yield fabricate_pair(*group[at], scenario, seed + place)
