"""What the pages for those who run the service name is there: metrics, formats of files, the configuration."""

from __future__ import annotations

import importlib
import re
import tomllib

import pytest
from doc_pages import blocks, page

# The module whose constants say the format and version of each file that docs/operate/upgrade.md lists.
FORMATS = {
    "ctxprune.knowledge": ("sql.knowledge.store", "VERSION"),
    "ctxprune.values": ("sql.values.index_files", "VERSION"),
    "ctxprune.values.redis": ("sql.values.redis_index", "_LAYOUT"),
    "ctxprune.schema": ("sql.schema.schema", "_VERSION"),
    "ctxprune.calibration": ("calibration.stored", "VERSION"),
    "ctxprune-conversation": ("sql.pipeline.conversation", "_VERSION"),
    "ctxprune.structured_memory": ("rag.memory.store", "VERSION"),
    "ctxprune-shrunk": ("shrink.io.manifest", "VERSION"),
}


def rows(name: str) -> list[list[str]]:
    """The cells of the tables of a page, without their heads."""
    lines = [line.strip("| ").split(" | ") for line in page(name).splitlines() if line.startswith("| ")]
    return [[cell.strip("` ") for cell in line] for line in lines if not set(line[0]) <= {"-"}]


def test_every_metric_is_listed_with_who_may_read_it() -> None:
    pytest.importorskip("prometheus_client")
    metrics = importlib.import_module("ctxprune.serve.metrics").Metrics(lambda: 0, lambda: 0)

    def served(text: bytes) -> set[str]:
        # A counter or histogram without a value has its TYPE line alone.
        names = re.findall(rb"^# TYPE (\w+) (?:counter|gauge|histogram)$", text, re.MULTILINE)
        return {name for name in names if not name.endswith(b"_created")}

    everybody, everything = (served(metrics.text(whole=whole)) for whole in (False, True))
    told = {row[0].encode(): row[3] for row in rows("operate/metrics") if row[0].startswith("ctxprune_")}
    assert set(told) == everything
    assert {name for name, who in told.items() if who == "everybody"} == everybody


def test_rules_and_queries_use_metrics_that_are_served() -> None:
    text = page("operate/metrics")
    listed = {row[0] for row in rows("operate/metrics")}
    used = {re.sub(r"_(?:count|sum|bucket)$", "", name) for name in re.findall(r"\bctxprune_[a-z_]+(?=[{\[])", text)}
    assert used
    assert used <= listed


def test_formats_and_versions_are_those_of_the_code() -> None:
    told = {row[1]: row[2] for row in rows("operate/upgrade") if row[1] in FORMATS}
    assert set(told) == set(FORMATS)
    for name, (module, constant) in FORMATS.items():
        try:
            version = getattr(importlib.import_module(f"ctxprune.{module}"), constant)
        except ImportError:  # the extras of shrink and Redis
            continue
        assert told[name] == str(version), name


def test_configurations_can_be_read() -> None:
    config = pytest.importorskip("ctxprune.serve.config")
    (keys,) = blocks("operate/metrics", "toml")
    tomllib.loads(keys)
    named = set(re.findall(r"\[limits\] (\w+)", page("operate/metrics") + page("operate/deployment")))
    assert {"body_bytes", "queue", "seconds"} <= named <= set(config.LimitsConfig.__dataclass_fields__)
