"""Sets of our own for `ctxprune bench field`, in six groups, split by product into "dev" and "test".

    python benchmarks/data/field_text/build.py --debs DEBS --out OUT

DEBS is a folder of Debian packages (`apt-get download git-doc wget tar strace gdb zstd xz-utils rsync curl valgrind
lsof sqlite3 less python3.13-doc postgresql-doc-17 postgresql-client-17 apache2-doc`); the descriptions of the packages
of this Python are read too. OUT gets items.jsonl, files/ and SOURCE.txt. The texts belong to their projects and are not
committed; equal packages give equal bytes.

A question is what one text says of a thing (the line of `--help`, a docstring, the summary of a directive) in one of
several wordings; the evidence is the sentence of another text (the manual, the page) about it. Descriptions of Python
packages have no such twin: their questions reword a sentence by synonyms. Tables, JSON and logs are written by a seed.
No product of the shared field set is used. Tune on "dev" alone; "test" has other products and is for reports.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from benchmarks.data.field_text.generated import add_json, add_logs, add_tables
from benchmarks.data.field_text.manuals import add_apache, add_glossary, add_python
from benchmarks.data.field_text.options import add_git, add_manual, add_postgres
from benchmarks.data.field_text.prose import add_package
from benchmarks.data.field_text.sources import Rows, unpack

SEED = 22
MANUALS = {"dev": ("wget", "tar", "strace", "zstd"), "test": ("curl", "rsync", "valgrind", "xz", "gdb", "lsof", "less")}
PACKAGES = {
    "dev": ("httpcore", "orjson", "charset_normalizer", "fastapi", "langsmith", "jsonschema_rs", "codespell", "scipy"),
    "test": ("fonttools", "sqlglot", "python_dotenv", "bm25s", "pytest_timeout", "xxhash", "typer", "rich",
             "ruff", "annotated_types", "nodeenv"),
}  # fmt: skip
ARGUMENTS = {"curl": ("--help", "all"), "xz": ("--long-help",)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--debs", type=Path, required=True, help="folder of Debian packages")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the sets to")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "items.jsonl").unlink(missing_ok=True)
    sources: dict[str, str] = {}
    with TemporaryDirectory() as scratch:
        places = {deb.name.partition("_")[0]: unpack(deb, Path(scratch)) for deb in sorted(options.debs.glob("*.deb"))}
        for part in ("dev", "test"):
            rows = Rows(options.out)
            build_part(part, rows, places)
            rows.write(options.out / "items.jsonl", part)
            sources |= rows.sources
            counts = Counter(row["group"] for row in rows.rows)
            sys.stderr.write(f"{part}: {counts.total()} questions, {dict(sorted(counts.items()))}\n")
    listed = "".join(f"files/{name}: {source}\n" for name, source in sorted(sources.items()))
    (options.out / "SOURCE.txt").write_text(listed, encoding="utf-8")
    return 0


def build_part(part: str, rows: Rows, places: dict[str, Path]) -> None:
    """All groups of one part; a package that is not there leaves its questions out."""
    for program in MANUALS[part]:
        package = "xz-utils" if program == "xz" else program
        if package in places:
            add_manual(rows, program, places[package], _seeded(part, program), ARGUMENTS.get(program, ("--help",)))
    if part == "dev":
        if "python3.13-doc" in places:
            add_python(rows, places["python3.13-doc"], _seeded(part, "python"))
        if "apache2-doc" in places:
            add_apache(rows, places["apache2-doc"], _seeded(part, "apache"))
    else:
        if "git-doc" in places:
            add_git(rows, places["git-doc"], _seeded(part, "git"))
            page = next(places["git-doc"].rglob("gitglossary.html"))
            add_glossary(rows, page, "gitglossary.html", "git", _seeded(part, "glossary"))
        if {"postgresql-doc-17", "postgresql-client-17"} <= places.keys():
            add_postgres(rows, places["postgresql-client-17"], places["postgresql-doc-17"], _seeded(part, "postgres"))
    for name in PACKAGES[part]:
        add_package(rows, name, _seeded(part, name))
    add_tables(rows, part, 6, _seeded(part, "tables"))
    add_json(rows, part, 5, _seeded(part, "json"))
    add_logs(rows, part, 4, _seeded(part, "logs"))


def _seeded(part: str, name: str) -> Random:
    # By name, so that a package that is missing changes no other questions.
    return Random(f"{SEED} {part} {name}")


if __name__ == "__main__":
    sys.exit(main())
