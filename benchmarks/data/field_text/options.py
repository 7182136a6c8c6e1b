"""Options: the question is the line of a program's `--help`, the evidence the sentence of its manual.

The two are written apart from each other, often by other people, so that the question is a paraphrase that nobody made
for a test. Pairs that say it in the same words are left out.
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.data.field_text.sources import Rows, first_sentence, read_text, run
from benchmarks.data.field_text.wording import ask, overlap
from ctxprune.rag.evaluation.field_set import evidence_text

_HELP = re.compile(r"^\s{0,14}(-{1,2}[A-Za-z0-9?#].*?)(?:(?:\s{2,}|\t|: )(\S.*))?$")
_LONG = re.compile(r"--(?:\[no-\])?([A-Za-z][\w-]+)")
_MOST_ALIKE = 0.65  # share of the question's words that the evidence may have
_OF_ONE = 10  # most questions about one document


def help_lines(text: str) -> dict[str, str]:
    """Description by long option."""
    found: dict[str, str] = {}
    flag = ""
    for line in text.splitlines():
        match = _HELP.match(line)
        long = _LONG.search(match[1]) if match else None
        if match and long:
            flag = long[1]
            found[flag] = (match[2] or "").strip()
        elif flag and line.startswith(" " * 12) and line.strip() and not line.lstrip().startswith("-"):
            found[flag] = f"{found[flag]} {line.strip()}".strip()
        else:
            flag = ""
    return {flag: text for flag, text in found.items() if len(text.split()) >= 4}


def man_sentence(page: str, flag: str) -> str:
    """The first sentence of the paragraph about `flag` in a rendered manual page."""
    lines = page.split("\n")
    heading = re.compile(
        rf"^\s{{3,16}}-.*--(?:\[no-\])?{re.escape(flag)}(?![\w-])|^\s{{3,16}}--{re.escape(flag)}(?![\w-])"
    )
    for number, line in enumerate(lines):
        if not heading.match(line) or len(line) - len(line.lstrip()) > 12:
            continue
        indent = len(line) - len(line.lstrip())
        place = number + 1
        while place < len(lines) and (not lines[place].strip() or lines[place][indent : indent + 1] == "-"):
            place += 1
        stop = place
        while stop < len(lines) and lines[stop].strip() and len(lines[stop]) - len(lines[stop].lstrip()) > indent:
            stop += 1
        sentence = first_sentence("\n".join(lines[place:stop]))
        if sentence:
            return sentence
    return ""


def html_sentence(page: str, flag: str) -> str:
    """The first sentence of what a definition list of a page says about `flag`, as visible text."""
    for match in re.finditer(r"((?:<dt\b[^>]*>.*?</dt>\s*)+)<dd\b[^>]*>(.*?)(?:</p>|</dd>)", page, re.DOTALL):
        terms = evidence_text(match[1], "html")
        if re.search(rf"--(?:\[no-\])?{re.escape(flag)}(?![\w-])", terms):
            return first_sentence(evidence_text(match[2], "html"))
    return ""


def text_sentence(page: str, flag: str) -> str:
    """The same of a source in AsciiDoc: `--flag::`, then an indented paragraph."""
    match = re.search(rf"(?m)^--(?:\[no-\])?{re.escape(flag)}\b[^\n]*::\n(?:-[^\n]*::\n)*((?:[ \t]+[^\n]*\n)+)", page)
    return first_sentence(match[1]) if match else ""


def add_options(rows: Rows, page: str, described: dict[str, str], about: dict, random) -> None:
    """A question for each option of which help and manual differ.

    Args:
        rows: Where they go.
        page: Text of the document.
        described: Description by option, of the help.
        about: file, kind, group, product, and `find`, which gives the manual's sentence.
        random: Draws the wording.
    """
    count = 0
    for flag, text in sorted(described.items()):
        sentence = about["find"](page, flag)
        if count < _OF_ONE and sentence and overlap(text, sentence) <= _MOST_ALIKE:
            question = ask(text, about["product"], random)
            count += rows.add(about["file"], about["kind"], about["group"], about["product"], question, [sentence])


def add_manual(rows: Rows, program: str, place: Path, random, arguments: tuple[str, ...] = ("--help",)) -> None:
    """The manual page of a program, of the package unpacked at `place`."""
    binary = next((path for path in place.rglob(program) if path.parent.name == "bin"), None)
    page = next((path for path in place.rglob(f"{program}.1.gz") if path.parent.parent.name == "man"), None)
    if binary is None or page is None:
        return
    rendered = _render(page)
    if len(rendered) < 3000:
        return
    file = rows.add_document(f"{program}.1.txt", rendered, f"{place.name}: manual page, rendered with MANWIDTH=80")
    about = {"file": file, "kind": "man", "group": "man", "product": program, "find": man_sentence}
    add_options(rows, rendered, help_lines(run(str(binary), *arguments)), about, random)


def _render(page: Path) -> str:
    text = run("man", "-P", "cat", str(page))
    return re.sub(".\b", "", text)


def add_postgres(rows: Rows, client: Path, docs: Path, random) -> None:
    """Reference pages of PostgreSQL's programs."""
    pages = {"psql": "app-psql", "pg_dump": "app-pgdump", "pg_restore": "app-pgrestore", "pg_dumpall": "app-pg-dumpall",
             "pg_basebackup": "app-pgbasebackup", "vacuumdb": "app-vacuumdb", "createdb": "app-createdb",
             "reindexdb": "app-reindexdb"}  # fmt: skip
    for program, name in pages.items():
        binary = next(path for path in client.rglob(program) if path.parent.name == "bin")
        page = read_text(next(docs.rglob(f"{name}.html")))
        file = rows.add_document(f"{name}.html", page, f"postgresql-doc-17: {name}.html")
        about = {"file": file, "kind": "html", "group": "html", "product": program, "find": html_sentence}
        add_options(rows, page, help_lines(run(str(binary), "--help")), about, random)


def add_git(rows: Rows, docs: Path, random) -> None:
    """Pages of git commands in HTML, and others in AsciiDoc, against `git COMMAND -h` of the git of this machine."""
    pages = ("commit", "fetch", "clone", "rebase", "stash", "tag", "branch", "clean", "push", "add", "worktree", "am")
    for command in pages:
        page = read_text(next(docs.rglob(f"git-{command}.html")))
        file = rows.add_document(f"git-{command}.html", page, f"git-doc: git-{command}.html")
        about = {"file": file, "kind": "html", "group": "html", "product": f"git {command}", "find": html_sentence}
        add_options(rows, page, help_lines(run("git", command, "-h")), about, random)
    for command in ("merge-file", "ls-files", "describe", "grep", "shortlog", "repack", "apply", "bugreport", "blame"):
        page = read_text(next(docs.rglob(f"git-{command}.txt")))
        file = rows.add_document(f"git-{command}.txt", page, f"git-doc: git-{command}.txt")
        about = {"file": file, "kind": "text", "group": "docs", "product": f"git {command}", "find": text_sentence}
        add_options(rows, page, help_lines(run("git", command, "-h")), about, random)
