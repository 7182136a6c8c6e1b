"""Writes documents.json: documentation and questions about it; see README.md.

python benchmarks/data/documentation/build.py UNPACKED documents.json
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from benchmarks.data.documentation.sets import Sets

HERE = Path(__file__).parent
UNDERLINED = re.compile(r"^(.{8,150}\?)\n[=\-~^\"']{6,}\n", re.MULTILINE)
PAGES = {
    "wget.1": "wget", "rsync.1": "rsync", "curl.1": "curl", "journalctl.1": "systemd", "strace.1": "strace",
    "dnsmasq.8": "dnsmasq-base", "jq.1": "jq", "lsof.8": "lsof",
}  # fmt: skip
SETTINGS = {"systemd.service.5": "systemd", "sudoers.5": "sudo", "tmux.1": "tmux"}
CHANGES = {
    "rsync/usr/share/doc/rsync/NEWS.md.gz": "rsync",
    "wget/usr/share/doc/wget/NEWS.gz": "wget",
    "sudo/usr/share/doc/sudo/NEWS.gz": "sudo",
    "nginx/usr/share/doc/nginx/changelog.gz": "nginx",
    "borgbackup-doc/usr/share/doc/borgbackup/html/_sources/changes.rst.txt": "borgbackup-doc",
}
MOST = {"faq_cut": 140, "faq_head": 50, "heading": 90, "cloze": 40, "man_cloze": 55, "man_name": 40, "glossary": 50,
        "changes": 35}  # fmt: skip


def main() -> None:
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    sets = Sets()
    faqs(sets, folder)
    for page, package in PAGES.items():
        sets.add_options(f"man-{page}", package, manual(folder, package, page))
    for page, package in SETTINGS.items():
        sets.add_terms(f"man-{page}", package, manual(folder, package, page))
    glossaries(sets, folder)
    headings(sets, folder)
    for name, group in CHANGES.items():
        sets.add_changes(f"news-{group}", group, read(folder / name)[:60_000])
    for line in (HERE / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        sets.add_written(row, written_about(folder, row))
    chosen = []
    for kind, items in groups(sets.items).items():
        if kind != "hand":
            sets.rng.shuffle(items)
        chosen += items[: MOST.get(kind, len(items))]
    used = {item["doc"] for item in chosen}
    documents = {name: text for name, text in sets.documents.items() if name in used}
    out.write_text(json.dumps({"docs": documents, "items": chosen}), encoding="utf-8")
    sys.stderr.write(f"{dict(Counter(item['set'] for item in chosen))}, {len(documents)} documents\n")


def faqs(sets: Sets, folder: Path) -> None:
    heading = re.compile(r"^   (\S[^\n]*\n(?:   \S[^\n]*\n)*)", re.MULTILINE)
    for number in range(1, 10):
        text = manual(folder, "perl-doc", f"perlfaq{number}.1")
        sets.add_faq(f"cut-perlfaq{number}", "perl", text, heading, cut=True)
        if number in {1, 3, 5}:
            sets.add_faq(f"head-perlfaq{number}", "perl", text, heading, cut=False)
    for path in sorted((sources(folder, "python3.13-doc") / "faq").glob("*.txt")):
        sets.add_faq(f"cut-{path.name}", "python", read(path), UNDERLINED, cut=True)
        if path.name.startswith(("programming", "general")):
            sets.add_faq(f"head-{path.name}", "python", read(path), UNDERLINED, cut=False)
    for package in ("borgbackup-doc", "restic"):
        sets.add_faq(f"cut-{package}", package, read(sources(folder, package) / "faq.rst.txt"), UNDERLINED, cut=True)
    asked = re.compile(r"^Q:(.*?\n)\n(?=A:)", re.MULTILINE | re.DOTALL)
    text = read(folder / "dnsmasq-base/usr/share/doc/dnsmasq-base/FAQ.gz")
    sets.add_faq("cut-dnsmasq", "dnsmasq-base", text, asked, cut=True)
    text = read(folder / "git-doc/usr/share/doc/git-doc/gitfaq.txt")
    sets.add_faq("cut-gitfaq", "git-doc", text, re.compile(r"^(.{8,120}\?)::\n", re.MULTILINE), cut=True)
    asked = re.compile(r"^\d+\.\d+(?:\.\d+)?\s+(\S[^\n]*(?:\n\t\t?\S[^\n]*)?\?)\n", re.MULTILINE)
    text = read(folder / "lsof/usr/share/doc/lsof/00FAQ.gz")[20_000:]
    sets.add_faq("cut-lsof", "lsof", text, asked, cut=True)


def glossaries(sets: Sets, folder: Path) -> None:
    text = read(sources(folder, "python3.13-doc") / "glossary.rst.txt")
    sets.add_glossary("glossary", "python", text, r"^   (\S[^\n]{2,40})\n((?:      \S[^\n]*\n)+)", most=40)
    for path in (folder / "git-doc/usr/share/doc/git-doc").glob("*gloss*content*.txt"):
        pattern = r"^(?:\[\[[^\n]*\]\])?(\w[^\n]{2,40})::\n((?:\t\S[^\n]*\n)+)"
        sets.add_glossary("gitgloss", "git-doc", read(path), pattern, most=30)


def headings(sets: Sets, folder: Path) -> None:
    places = {
        "python3.13-doc": (sources(folder, "python3.13-doc") / "howto").glob("*.txt"),
        "cmake-data": folder.glob("cmake-data/usr/share/cmake-*/Help/[mc]*/*.rst"),
        "git-doc": folder.glob("git-doc/usr/share/doc/git-doc/git*.txt"),
        "restic": sources(folder, "restic").glob("0*.txt"),
        "borgbackup-doc": sources(folder, "borgbackup-doc").glob("*.txt"),
        "llama.cpp": folder.glob("llama.cpp/**/*.md"),
    }
    files = [(path, group) for group, paths in places.items() for path in sorted(paths)]
    sets.rng.shuffle(files)
    read_of: Counter[str] = Counter()
    for path, group in files:
        text = read(path)
        if 6000 < len(text) < 80_000 and read_of[group] < 12:
            before = len(sets.items)
            sets.add_headings(f"{group}-{path.name}", group, text, markdown=path.suffix == ".md")
            read_of[group] += len(sets.items) > before


def sources(folder: Path, package: str) -> Path:
    """The folder of the sources of a package's HTML pages."""
    return next(folder.glob(f"{package}/usr/share/doc/*/html/_sources"))


def read(path: Path) -> str:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.decode("utf-8", "replace")


def manual(folder: Path, package: str, page: str) -> str:
    """A manual page as text, 80 characters wide."""
    path = next((folder / package).rglob(f"{page}.gz"))
    environment = os.environ | {"MANWIDTH": "80", "LC_ALL": "C.UTF-8"}
    shown = subprocess.run(["man", "-P", "cat", "-l", str(path)], capture_output=True, check=True, env=environment)
    return subprocess.run(["col", "-bx"], input=shown.stdout, capture_output=True, check=True).stdout.decode()


def written_about(folder: Path, row: dict[str, str]) -> list[str]:
    """Texts that may be the document of a question in `questions.jsonl`: a package may have several of a name."""
    name = row["file"]
    if re.fullmatch(r".*\.[1-8]\.txt", name):
        return [manual(folder, row["package"], name.removesuffix(".txt"))]
    stem = name if row["package"] in {"git-doc", "llama.cpp"} else name.removesuffix(".rst").split("-", 1)[-1]
    pattern = re.compile(f"(0[0-9]*_)?{re.escape(stem)}([.]rst)?([.]txt)?")
    found = [path for path in (folder / row["package"]).rglob("*") if pattern.fullmatch(path.name) and path.is_file()]
    return [read(path) for path in sorted(found)]


def groups(items):
    found: dict[str, list[dict[str, object]]] = {}
    for item in items:
        found.setdefault(item["set"], []).append(item)
    return found


if __name__ == "__main__":
    main()
