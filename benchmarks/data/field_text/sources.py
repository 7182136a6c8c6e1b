"""What the builders of the sets share: a question row, documents on disk, the first sentence of a text."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from ctxprune.rag.evaluation.field_set import evidence_text

_SENTENCE = re.compile(r"""(?<=[a-z0-9)\]"'`])[.!?](?=\s+[A-Z("`\[-]|\s*$)""")  # not in "e.g. a town"
_LEAST, _MOST = 25, 400  # characters of an evidence sentence


@dataclass
class Rows:
    """Questions and documents of one part; a document is written once."""

    folder: Path
    rows: list[dict] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)

    def add_document(self, name: str, text: str, source: str) -> str:
        path = self.folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))
        self.sources[name] = source
        return f"files/{name}"

    def add(self, file: str, kind: str, group: str, product: str, question: str, evidence: list[str]) -> bool:
        """Add a question if each string of its evidence is in the document once, and the question is a new one."""
        text = self._text(file, kind)
        # A string that the document repeats would be found in a place that was not meant.
        single = all(text.count(string) == 1 for string in evidence)
        if not single or any((row["question"], row["file"]) == (question, file) for row in self.rows):
            return False
        self.rows.append(
            {"file": file, "kind": kind, "group": group, "product": product, "question": question, "evidence": evidence}
        )
        return True

    def write(self, path: Path, part: str | None = None) -> None:
        """One JSON line a question, those about one document after each other."""
        rows = sorted(self.rows, key=lambda row: row["file"])
        more = {} if part is None else {"split": part}
        with path.open("a", encoding="utf-8") as file:
            for number, row in enumerate(rows, start=1):
                line = {"id": f"{part or 'own'}-{number:03}", **more, **row}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _text(self, file: str, kind: str) -> str:
        return evidence_text((self.folder / file).read_bytes().decode("utf-8"), kind)


def read_text(path: Path) -> str:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.decode("utf-8", "replace")


def first_sentence(text: str) -> str:
    """The first sentence, as it is; "" where none of a fitting length begins the text."""
    start = len(text) - len(text.lstrip())
    for match in _SENTENCE.finditer(text):
        sentence = text[start : match.end()]
        if _LEAST <= len(sentence) <= _MOST:
            return sentence
        if len(sentence) > _MOST:
            return ""
    return ""


def run(*words: str) -> str:
    """What a program says about itself; "" where it cannot run here."""
    try:
        done = subprocess.run(
            words, capture_output=True, timeout=20, stdin=subprocess.DEVNULL, check=False,
            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "COLUMNS": "200", "HOME": "/none", "MANWIDTH": "80"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout or done.stderr).decode("utf-8", "replace")


def unpack(deb: Path, folder: Path) -> Path:
    """The files of a Debian package."""
    place = folder / deb.name.partition("_")[0]
    if not place.is_dir():
        subprocess.run(["dpkg-deb", "-x", str(deb), str(place)], check=True)
    return place
