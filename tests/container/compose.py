"""Reads compose.yaml: a service as the container that it describes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from .dockerfile import ROOT, parse
from .roots import Container

__all__ = ["SECRETS", "command_of", "container_of", "load", "plain_container"]

SECRETS = "/run/secrets"


def load(path: Path = ROOT / "compose.yaml") -> dict[str, Any]:
    """The document, with merge keys resolved."""
    import yaml

    return yaml.safe_load(path.read_text(encoding="utf-8"))


def plain_container(root: Path, **environment: str) -> Container:
    """The image as the hardened `docker run` of docs/operate/container.md starts it."""
    stage = parse()[-1]
    return Container(
        root,
        stage.environment() | environment,
        user=stage.last("USER").text,
        folder=stage.last("WORKDIR").text,
        read_only=True,
        tmpfs={"/tmp": "mode=1777"},
    )


def container_of(service: dict[str, Any], root: Path, secrets: Path, hosts: Path) -> Container:
    """A service of the image; `secrets` holds the files of all secrets, and `hosts` the addresses of the others."""
    binds = {f"{SECRETS}/{name}": secrets / name for name in service["secrets"]} | {"/etc/hosts": hosts}
    for volume in service.get("volumes", ()):
        source, target, mode = volume.split(":")
        if mode != "ro":
            raise ValueError(f"{volume}: only read-only files are known here")
        binds[target] = ROOT / source
    mounts = dict(entry.split(":") for entry in service["tmpfs"])
    return replace(
        plain_container(root, **service["environment"]), read_only=service["read_only"], tmpfs=mounts, binds=binds
    )


def command_of(service: dict[str, Any]) -> list[str]:
    """What the container runs: the image's entry point with the service's command, or with the image's own."""
    stage = parse()[-1]
    command = [word.replace("$$", "$") for word in service.get("command", ())]
    return [*stage.last("ENTRYPOINT").words, *(command or stage.last("CMD").words)]
