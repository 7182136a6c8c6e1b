"""The image as the Dockerfile describes it, built and run without Docker in a fresh Debian root, as a user without
rights, on a read-only root file system; and compose.yaml's services with PostgreSQL and Redis of this machine.

It takes root, debootstrap, a package registry and three minutes: `make container`. CTXPRUNE_CONTAINER_BASE names a
folder that a base root is kept in, so that further runs need not make it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from . import test_files
from .dockerfile import ROOT, parse
from .roots import build, make_base, missing

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.environ.get("CTXPRUNE_CONTAINER"), reason="make container runs it"),
]


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    if reason := missing():
        pytest.fail(reason)
    with tempfile.TemporaryDirectory(prefix="ctxprune-container-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the servers' user has to reach its files
        kept = Path(os.environ.get("CTXPRUNE_CONTAINER_BASE") or folder)
        base = kept / "base"
        if not (base / "usr/local/bin/pip").exists():
            shutil.rmtree(base, ignore_errors=True)
            base = make_base(parse()[-1].image, kept)
        (making,) = (block for block in test_files.BLOCKS if "mkdir" in block)
        subprocess.run(["bash", "-euo", "pipefail", "-c", making], cwd=folder, check=True)
        (folder / "secrets").chmod(0o755)
        root = build(base, folder)
        words = ["unshare", "--net", sys.executable, "-m", "container.run", str(root), str(folder)]
        places = os.pathsep.join(filter(None, (str(ROOT / "tests"), os.environ.get("PYTHONPATH", ""))))
        environment = os.environ | {"PYTHONPATH": places}
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=600)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line for line in lines}


def test_it_runs_without_rights(cases: dict[str, Any]) -> None:
    process = cases["process"]
    assert set(process["Uid"] + process["Gid"]) == {"10001"}
    assert process["Groups"] == []
    assert {int(process[name][0], 16) for name in ("CapEff", "CapPrm", "CapBnd")} == {0}
    assert process["NoNewPrivs"] == ["1"]
    for place in ("/", "/etc", "/opt/ctxprune"):
        assert "Read-only file system" in cases[f"sh {place}"]["said"], place
    assert cases["sh /tmp"]["code"] == 0


def test_there_is_no_compiler(cases: dict[str, Any]) -> None:
    assert (cases["sh compiler"]["code"], cases["sh compiler"]["said"]) == (127, "")


def test_it_prunes_and_reranks_for_the_key_alone(cases: dict[str, Any]) -> None:
    assert cases["no key"]["status"] == 401
    assert cases["prune"]["output"] == "It opened in 1933."
    assert cases["rerank"]["results"][0]["index"] == 1
    assert "explorer" in cases["page"]["text"]
    assert cases["ready"]["ready"]
    assert cases["long"]["status"] == 200
    assert cases["long"]["output"] == "It opened in 1933."


def test_it_stops_in_order(cases: dict[str, Any]) -> None:
    for name in ("plain stopped", "sample stopped"):
        assert cases[name]["code"] == 0
        assert cases[name]["seconds"] < 10


def test_it_does_not_start_without_a_key(cases: dict[str, Any]) -> None:
    assert cases["without a key"]["code"] == 1
    assert "CTXPRUNE_KEY is not set" in cases["without a key"]["said"]


def test_the_sample_of_compose(cases: dict[str, Any]) -> None:
    assert (cases["sample"]["code"], cases["sample"]["said"]) == (0, "")
    assert cases["postgres healthy"]["code"] == 0
    assert "NOAUTH" in cases["redis healthy"]["pings"]
    assert cases["redis stopped"] == {"code": 0, "saved": True}
    assert cases["index"]["code"] == 0, cases["index"]["said"]
    assert "published as shop" in cases["index"]["said"]
    assert cases["sample ready"]["ready"]
    assert cases["sample ready"]["databases"] == {"shop": "ok"}
    assert cases["ask"]["rows"] == cases["curl of the page"]["rows"] == [[2]]
    assert "São Paulo" in cases["value"]["sql"]  # found by the published value index
    assert cases["value"]["rows"] == [[1]]


def test_the_mcp_server(cases: dict[str, Any]) -> None:
    assert {"ask", "run_sql", "recall"} <= set(cases["mcp"]["tools"])
    assert not cases["mcp"]["error"]
    assert cases["mcp"]["content"]["rows"] == [[2]]
