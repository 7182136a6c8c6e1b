"""Reads the Dockerfile and .dockerignore, so that tests do what they say and cannot drift from them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

__all__ = ["ROOT", "Ignored", "Instruction", "Stage", "parse"]

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        name: In capitals.
        text: After the name and the flags.
        flags: Such as {"from": "build"}.
    """

    name: str
    text: str
    flags: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        """The text as a list: of its JSON form, or divided at blanks."""
        return json.loads(self.text) if self.text.startswith("[") else self.text.split()


@dataclass(frozen=True)
class Stage:
    """One stage: the image it starts from, its name, and its instructions."""

    image: str
    name: str
    steps: tuple[Instruction, ...]

    def last(self, name: str) -> Instruction:
        """The last instruction of that name, which is the one that counts."""
        return [step for step in self.steps if step.name == name][-1]

    def environment(self) -> dict[str, str]:
        """What ENV sets."""
        pairs = [word.partition("=") for step in self.steps if step.name == "ENV" for word in step.words]
        return {name: value for name, _, value in pairs}


def parse(path: Path = ROOT / "Dockerfile") -> list[Stage]:
    """The stages of a Dockerfile."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    stages: list[Stage] = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        step = _instruction(line)
        if step.name == "FROM":
            image, *named = step.text.split()
            stages.append(Stage(image, named[1] if named else "", ()))
        else:
            stages[-1] = Stage(stages[-1].image, stages[-1].name, (*stages[-1].steps, step))
    return stages


def _instruction(line: str) -> Instruction:
    name, _, rest = line.partition(" ")
    flags = {}
    while match := re.match(r"\s*--([a-z-]+)=(\S+)\s+", rest):
        flags[match[1]] = match[2]
        rest = rest[match.end() :]
    return Instruction(name.upper(), rest.strip(), flags)


class Ignored:
    """What .dockerignore leaves out of the build; the last pattern that matches a path or a folder above it decides."""

    def __init__(self, path: Path = ROOT / ".dockerignore") -> None:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        self._patterns = [line for line in lines if line and not line.startswith("#")]

    def __call__(self, path: PurePosixPath) -> bool:
        ignored = False
        for pattern in self._patterns:
            if _matches(pattern.removeprefix("!"), path):
                ignored = not pattern.startswith("!")
        return ignored


def _matches(pattern: str, path: PurePosixPath) -> bool:
    above = [path, *path.parents][:-1]
    if pattern.startswith("**/"):
        return any(fnmatchcase(part.name, pattern[3:]) for part in above)
    depth = len(PurePosixPath(pattern).parts)
    return any(len(part.parts) == depth and fnmatchcase(str(part), pattern) for part in above)
