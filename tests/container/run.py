"""Starts the image's commands and asks them: one JSON line for each case. Run by test_container.py, as root, within a
network namespace of its own, so that the ports of the Dockerfile and of compose.yaml are free:

    unshare --net PYTHON -m container.run ROOT FOLDER
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from servers import Postgres

from .compose import SECRETS, command_of, container_of, load, plain_container
from .dockerfile import ROOT, parse
from .roots import Container

URL = "http://127.0.0.1:8080"
KEY = "key-of-the-test"
PRUNE = {"query": "When did the bridge open?", "text": "The bridge is long. It opened in 1933.", "budget": 10}
RERANK = {"query": PRUNE["query"], "documents": ["Cats sleep.", "It opened in 1933."]}
ASK = {"database": "shop", "question": "How many cities are in France?"}
UP = 0x1  # IFF_UP, and the requests of ioctl for the flags of an interface
GET_FLAGS, SET_FLAGS = 0x8913, 0x8914


def report(name: str, **found: Any) -> None:
    sys.stdout.write(json.dumps({"name": name, **found}) + "\n")
    sys.stdout.flush()


def raise_loopback() -> None:
    """A new network namespace has its loopback down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(probe, GET_FLAGS, request))[1]
        fcntl.ioctl(probe, SET_FLAGS, struct.pack("16sH14x", b"lo", flags | UP))


@contextmanager
def started(name: str, container: Container, command: list[str]) -> Iterator[int]:
    """A command of the image, from when its health check passes; gives the process's id here."""
    with (container.root.parent / "log").open("wb") as log:
        process = subprocess.Popen(container.words(*command), stderr=log, stdout=log)
    try:
        check = json.loads(parse()[-1].last("HEALTHCHECK").text.removeprefix("CMD "))
        until = time.monotonic() + 60
        while subprocess.run(container.words(*check), capture_output=True, check=False).returncode:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"not healthy: {(container.root.parent / 'log').read_text()[-2000:]}")
            time.sleep(0.2)
        (inner,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield int(inner)
        begun = time.monotonic()
        os.kill(int(inner), signal.SIGTERM)
        report(f"{name} stopped", code=process.wait(30), seconds=round(time.monotonic() - begun, 2))
    finally:
        process.kill()
        process.wait()


def run_plain(root: Path) -> None:
    """The image with its own configuration."""
    container = plain_container(root, CTXPRUNE_KEY=KEY)
    stage = parse()[-1]
    begun = time.monotonic()
    with started("plain", container, [*stage.last("ENTRYPOINT").words, *stage.last("CMD").words]) as process:
        report("healthy", seconds=round(time.monotonic() - begun, 1))
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
        fields = ("Uid", "Gid", "Groups", "CapEff", "CapPrm", "CapBnd", "NoNewPrivs")
        report("process", **{name: status[name].split() for name in fields})
        with httpx.Client(base_url=URL, headers={"x-api-key": KEY}, timeout=60) as client:
            report("no key", status=httpx.post(f"{URL}/v1/prune", json=PRUNE).status_code)
            report("prune", **client.post("/v1/prune", json=PRUNE).json())
            report("rerank", **client.post("/v1/rerank", json=RERANK).json())
            report("page", text=client.get("/").text)
            report("ready", **client.get("/readyz").json())
            long = PRUNE | {"text": "The pump was serviced. " * 400 + PRUNE["text"]}  # for a worker process
            reply = client.post("/v1/prune", json=long)
            report("long", status=reply.status_code, output=reply.json().get("output"))
    tried = {place: f"touch {place}/x" for place in ("/", "/etc", "/opt/ctxprune", "/tmp")}
    tried["compiler"] = "command -v cc gcc c++ g++ clang make"
    for name, command in tried.items():
        done = subprocess.run(container.words("sh", "-c", command), capture_output=True, check=False, text=True)
        report(f"sh {name}", code=done.returncode, said=done.stderr + done.stdout)
    without = plain_container(root).words(*stage.last("ENTRYPOINT").words, *stage.last("CMD").words)
    done = subprocess.run(without, capture_output=True, text=True, check=False, timeout=60)
    report("without a key", code=done.returncode, said=done.stderr)


def run_sample(root: Path, folder: Path) -> None:
    """compose.yaml: its configuration, secrets and commands, with PostgreSQL and Redis of this machine."""
    services = load()["services"]
    secrets = folder / "secrets"
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost postgres redis\n")
    server = Postgres()
    server.port, server.password = 5432, (secrets / "postgres_password").read_text()
    with server as postgres, redis_server(services["redis"], secrets, folder):
        prepare(postgres, services["postgres"], secrets)
        container = container_of(services["index"], root, secrets, hosts)
        words = container.words(*command_of(services["index"]))
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
        report("index", code=done.returncode, said=done.stderr + done.stdout)
        container = container_of(services["ctxprune"], root, secrets, hosts)
        key = (secrets / "app_key").read_text()
        with (
            started("sample", container, command_of(services["ctxprune"])),
            httpx.Client(base_url=URL, headers={"x-api-key": key}, timeout=60) as client,
        ):
            report("sample ready", **client.get("/readyz").json())
            report("ask", **client.post("/v1/sql/ask", json=ASK).json())
            respelt = ASK | {"question": "How many customers are in sao paulo?"}
            report("value", **client.post("/v1/sql/ask", json=respelt).json())
            page = (ROOT / "docs" / "operate" / "container.md").read_text(encoding="utf-8")
            (command,) = re.findall(r"^curl (?:.*\\\n)*.*", page, re.MULTILINE)
            done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
            report("curl of the page", **json.loads(done.stdout))
        command = ["ctxprune", "mcp", *command_of(services["ctxprune"])[2:]]
        asyncio.run(run_mcp(container.words(*command)))


async def run_mcp(words: list[str]) -> None:
    """`ctxprune mcp` over stdio, asked by the SDK's client."""
    from mcp import Client, StdioServerParameters, stdio_client

    server = StdioServerParameters(command=words[0], args=words[1:])
    async with Client(stdio_client(server)) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        answer = await client.call_tool("ask", {"question": ASK["question"]})
        report("mcp", tools=tools, error=answer.is_error, content=answer.structured_content)


def prepare(postgres: Postgres, service: dict[str, Any], secrets: Path) -> None:
    """What the image of PostgreSQL does with a new volume: the database, then the script of the sample."""
    import psycopg

    environment = service["environment"]
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {environment['POSTGRES_DB']}")
    script = (ROOT / "container" / "sample" / "shop.sh").read_text()
    script = script.replace(SECRETS, str(secrets)).replace("/sample/", f"{ROOT}/container/sample/")
    access = {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGPASSWORD": postgres.password}
    places = {"PATH": f"{Path(postgres.program('psql')).parent}:{os.environ['PATH']}"}
    given = os.environ | environment | access | places
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False, env=given)
    report("sample", code=done.returncode, said=done.stderr + done.stdout)
    test = service["healthcheck"]["test"]
    done = subprocess.run(test[1:], capture_output=True, text=True, check=False, env=given)
    report("postgres healthy", code=done.returncode, said=done.stderr + done.stdout)


@contextmanager
def redis_server(service: dict[str, Any], secrets: Path, folder: Path) -> Iterator[None]:
    """The command of compose.yaml with the program of this machine."""
    data = folder / "redis"
    data.mkdir()

    def local(text: str) -> str:
        return text.replace("$$", "$").replace(SECRETS, str(secrets)).replace("/data", str(data))

    words = [local(word) for word in service["command"]]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        until = time.monotonic() + 30
        check = ["sh", "-c", local(service["healthcheck"]["test"][1])]
        while subprocess.run(check, capture_output=True, check=False).returncode:
            if time.monotonic() > until:
                raise RuntimeError("Redis does not answer its health check")
            time.sleep(0.1)
        report("redis healthy", pings=ping_without_password())
        yield
    finally:
        # The first process of a container alone gets the signal; a shell there would end and leave the server behind.
        process.terminate()
        try:
            report("redis stopped", code=process.wait(30), saved=(data / "appendonlydir").is_dir())
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def ping_without_password() -> str:
    done = subprocess.run(["redis-cli", "ping"], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def main() -> None:
    root, folder = map(Path, sys.argv[1:])
    raise_loopback()
    run_plain(root)
    run_sample(root, folder)


if __name__ == "__main__":
    main()
