"""Manuals: the question is what one text says of a function or a directive, the evidence another text about it."""

from __future__ import annotations

import importlib
import inspect
import pydoc
import re
from pathlib import Path

from benchmarks.data.field_text.sources import Rows, first_sentence, read_text
from benchmarks.data.field_text.wording import ask, overlap
from ctxprune.rag.evaluation.field_set import evidence_text

# Pages in HTML for some modules, the docstrings as text for others: no module gives both.
PAGES = (
    "shutil", "statistics", "difflib", "random", "tempfile", "itertools", "glob", "inspect", "collections",
    "os.path", "datetime", "socket", "email.utils", "gettext", "locale", "math",
)  # fmt: skip
DOCSTRINGS = (
    "calendar", "fractions", "functools", "zipfile", "heapq", "shlex", "ast", "contextlib", "base64", "threading",
    "logging", "gc", "urllib.parse", "operator", "bisect", "subprocess", "imaplib", "ftplib",
)  # fmt: skip
DIRECTIVES = (
    "core", "mod_log_config", "mod_ssl", "mod_proxy", "mod_rewrite", "mod_cache", "mod_alias", "mod_session",
    "mod_autoindex", "mod_ldap", "mod_dav", "mod_headers", "mod_expires", "mpm_common", "mod_deflate",
)  # fmt: skip
_DIRECTIVE = re.compile(
    r'<div class="directive-section">.*?Description:</a></th><td>(.*?)</td>.*?</table>\s*<p>(.*?)</p>', re.DOTALL
)
_MOST_ALIKE = 0.65
_OF_ONE = 6  # most questions about one document
_OF_GLOSSARY = 24


def add_python(rows: Rows, docs: Path, random) -> None:
    """Library pages against docstrings, and the other way round."""
    for name in (*PAGES, *DOCSTRINGS):
        page = read_text(next(docs.rglob(f"html/library/{name}.html")))
        module = importlib.import_module(name)
        pairs = [pair for pair in _pairs(page, module) if overlap(*pair) <= _MOST_ALIKE]
        if name in PAGES:
            file = rows.add_document(f"python-{name}.html", page, f"python3.13-doc: library/{name}.html")
            chosen = [(said, shown) for said, shown in pairs]
            kind, group = "html", "html"
        else:
            text = _docstrings(module)
            file = rows.add_document(f"python-{name}.txt", text, f"docstrings of {name}, as pydoc shows them")
            chosen = [(shown, _as_in(text, said)) for said, shown in pairs]
            kind, group = "text", "docs"
        count = 0
        for said, evidence in chosen:
            if evidence and count < _OF_ONE:
                count += rows.add(file, kind, group, name, ask(said, name, random), [evidence])


def add_apache(rows: Rows, docs: Path, random) -> None:
    """Directives: one line says what each is for, the paragraph below is the evidence."""
    for name in DIRECTIVES:
        page = read_text(next(docs.rglob(f"manual/en/mod/{name}.html")))
        file = rows.add_document(f"apache-{name}.html", page, f"apache2-doc: manual/en/mod/{name}.html")
        sections = _DIRECTIVE.findall(page)
        count = 0
        for summary, paragraph in sections:
            said = evidence_text(summary, "html")
            evidence = first_sentence(evidence_text(paragraph, "html"))
            if evidence and count < _OF_ONE and overlap(said, evidence) <= _MOST_ALIKE:
                count += rows.add(file, "html", "html", "Apache", ask(said, "Apache", random), [evidence])


def add_glossary(rows: Rows, page: Path, name: str, product: str, random) -> None:
    """A glossary in HTML: the question names the term, the evidence is the first sentence of its entry."""
    text = read_text(page)
    file = rows.add_document(name, text, page.name)
    found = re.findall(r"<dt\b[^>]*>(.*?)</dt>\s*<dd\b[^>]*>(.*?)</dd>", text, re.DOTALL)
    for term, entry in random.sample(found, min(_OF_GLOSSARY, len(found))):
        said, whole = evidence_text(term, "html").strip("¶ "), evidence_text(entry, "html")
        evidence = first_sentence(whole)
        if evidence and said and len(said) < 40:
            form = random.choice(("what does {} mean", "{} in {}", "What do they call {} in {}?", "define {}"))
            question = form.format(said.lower(), product)
            rows.add(file, "html", "html", product, question, [evidence])


def _pairs(page: str, module) -> list[tuple[str, str]]:
    """First sentences of docstring and page, for each function and class of which both have one."""
    found = []
    for identifier, entry in re.findall(
        r'<dt class="sig sig-object py" id="([\w.]+)">.*?</dt>\s*<dd>\s*<p>(.*?)</p>', page, re.DOTALL
    ):
        target = module
        prefix = f"{module.__name__}." if identifier.startswith(f"{module.__name__}.") else "os.path."
        try:
            for part in identifier.removeprefix(prefix).split("."):
                target = getattr(target, part)
        except AttributeError:
            continue
        said = first_sentence(inspect.getdoc(target) or "") if callable(target) else ""
        shown = first_sentence(evidence_text(entry, "html"))
        if said and shown:
            found.append((said, shown))
    return found


def _docstrings(module) -> str:
    text = pydoc.render_doc(module, renderer=pydoc.plaintext)
    return re.sub(r"\nFILE\n.*", "\n", text, flags=re.DOTALL)  # the last section names a folder of this machine


def _as_in(text: str, sentence: str) -> str:
    """The sentence with the line ends and the indent that it has in the text; "" where it is not there once."""
    found = re.findall(r"\s+".join(map(re.escape, sentence.split())), text)
    return found[0] if len(found) == 1 else ""
