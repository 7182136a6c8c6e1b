"""Builds the image's root file system from the Dockerfile without Docker, and the words that start a command in it.

The base image is made by debootstrap: Debian's own Python of the same version stands for the one of the official image.
Root and mount namespaces are needed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .dockerfile import ROOT, Ignored, Instruction, Stage, parse

__all__ = ["Container", "build", "make_base", "missing"]

SUITES = {"python:3.13-slim-trixie": "trixie"}
PACKAGES = "ca-certificates,python3,python3-venv"
PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
SHM_BYTES = 64 << 20  # Docker's default
DROP = ["setpriv", "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]


def missing() -> str:
    """Why no root can be built here; "" where one can."""
    if os.getuid():
        return "only root can make a root file system"
    if shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
        return "debootstrap is not installed; on Debian: apt-get install debootstrap"
    done = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "mount namespaces are not allowed here"


@dataclass(frozen=True)
class Container:
    """A command in a root file system, as `docker run` would start it.

    Attributes:
        root: The file system.
        environment: All of it.
        user: "" for root with all its rights; else "UID:GID", without any capability and without a way to more.
        folder: Where the command starts.
        read_only: Whether the root can be written.
        tmpfs: Options by place.
        binds: Files and folders of the host by place, read-only.
    """

    root: Path
    environment: dict[str, str]
    user: str = ""
    folder: str = "/"
    read_only: bool = False
    tmpfs: dict[str, str] = field(default_factory=dict)
    binds: dict[str, Path] = field(default_factory=dict)

    def words(self, *command: str) -> list[str]:
        """What to run on the host; the mounts are in a namespace of the command's own and end with it."""
        drop = []
        if self.user:
            user, _, group = self.user.partition(":")
            drop = [*DROP, f"--reuid={user}", f"--regid={group or user}"]
        values = [f"{name}={value}" for name, value in self.environment.items()]
        inside = ["chroot", str(self.root), *drop, "env", "-i", "-C", self.folder, *values, *command]
        script = "\n".join(["set -e", *self._mounts(), f"exec {shlex.join(inside)}"])
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--ipc", "sh", "-c", script]

    def _mounts(self) -> list[str]:
        root = shlex.quote(str(self.root))
        lines = ["mount --make-rprivate /", f"mount --bind {root} {root}", f"mount -t proc proc {root}/proc"]
        lines.append(f"mount -t tmpfs -o mode=755 tmpfs {root}/dev")
        lines += [f"touch {root}/dev/{name} && mount --bind /dev/{name} {root}/dev/{name}" for name in
                  ("full", "null", "random", "urandom", "zero")]  # fmt: skip
        lines.append(f"mkdir {root}/dev/shm && mount -t tmpfs -o mode=1777,size={SHM_BYTES} tmpfs {root}/dev/shm")
        for place, options in self.tmpfs.items():  # with Docker's own options
            given = ",".join(filter(None, ("noexec,nosuid,nodev", options)))
            lines.append(f"mount -t tmpfs -o {given} tmpfs {root}{place}")
        for place, source in self.binds.items():
            target, source_text = f"{root}{shlex.quote(place)}", shlex.quote(str(source))
            make = f"mkdir -p {target}" if source.is_dir() else f"mkdir -p $(dirname {target}) && touch {target}"
            lines += [make, f"mount --bind {source_text} {target} && mount -o remount,bind,ro {target}"]
        return [*lines, f"mount -o remount,bind,ro {root}"] if self.read_only else lines


def make_base(image: str, folder: Path) -> Path:
    """A root that stands for a base image."""
    if image not in SUITES:
        raise ValueError(f"{image} has no stand-in; known: {', '.join(SUITES)}")
    base = folder / "base"
    words = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITES[image], str(base)]
    _run(words, "debootstrap", PATH=f"{os.environ.get('PATH', '')}:/usr/sbin")
    # The official image has `python` and pip in /usr/local.
    _run(Container(base, {"PATH": PATH}).words("python3", "-m", "venv", "/usr/local"), "python of the base image")
    version = image.partition(":")[2].partition("-")[0]
    words = Container(base, {"PATH": PATH}).words("python", "-V")
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    if not found.stdout.startswith(f"Python {version}."):
        raise RuntimeError(f"the stand-in for {image} has {found.stdout!r}")
    return base


def build(base: Path, folder: Path) -> Path:
    """The root of the last stage; each stage begins with a copy of the base.

    Raises:
        RuntimeError: A step fails, or the Dockerfile has an instruction that is not known here.
    """
    roots: dict[str, Path] = {}
    for number, stage in enumerate(parse()):
        root = folder / f"stage{number}"
        _run(["cp", "-a", "--reflink=auto", str(base), str(root)], f"FROM {stage.image}")
        _run_stage(stage, root, roots)
        roots[stage.name] = root
    return root


def _run_stage(stage: Stage, root: Path, roots: dict[str, Path]) -> None:
    place = PurePosixPath("/")
    environment = {"PATH": PATH} | {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    for step in stage.steps:
        if step.name == "WORKDIR":
            place = PurePosixPath(step.text)
            (root / place.relative_to("/")).mkdir(parents=True, exist_ok=True)
        elif step.name == "COPY":
            _copy(step, root, place, roots)
        elif step.name == "RUN":
            container = Container(root, environment, folder=str(place), binds=_network_files())
            _run(container.words("sh", "-c", step.text), f"RUN {step.text}")
        elif step.name not in {"ENV", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}:
            raise RuntimeError(f"{step.name} is not known here")


def _copy(step: Instruction, root: Path, place: PurePosixPath, roots: dict[str, Path]) -> None:
    *sources, target = step.words
    into = root / (place / target).relative_to("/")
    ignored = None if "from" in step.flags else Ignored()
    for source in sources:
        path = roots[step.flags["from"]] / source.lstrip("/") if ignored is None else ROOT / source
        goal = into / path.name if target.endswith("/") else into
        goal.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_dir():
            if ignored is not None and ignored(PurePosixPath(source)):
                raise RuntimeError(f"COPY {source}: left out by .dockerignore")
            shutil.copy2(path, goal)
            continue

        def left_out(folder: str, names: list[str]) -> list[str]:
            if ignored is None:
                return []
            within = PurePosixPath(Path(folder).relative_to(ROOT).as_posix())
            return [name for name in names if ignored(within / name)]

        shutil.copytree(path, goal, symlinks=True, ignore=left_out)


def _network_files() -> dict[str, Path]:
    """What pip needs of the host: name servers, its certificates, and the files and folders that PIP_* name."""
    named = [Path(value) for name, value in os.environ.items() if name.startswith("PIP_") and value.startswith("/")]
    paths = [Path("/etc/resolv.conf"), CERTIFICATES, *named]
    return {str(path): path.resolve() for path in paths if path.exists()}


def _run(words: list[str], what: str, **environment: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    if done.returncode:
        raise RuntimeError(f"{what}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
