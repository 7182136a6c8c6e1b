"""Descriptions of Python packages (Markdown, reStructuredText): questions that reword a sentence.

First sentences of paragraphs and entries of changelogs are reworded by synonyms or cut down to keywords.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution

from benchmarks.data.field_text.sources import Rows, first_sentence
from benchmarks.data.field_text.wording import STOP, SYNONYMS, content_words, keywords, reword, stem

_OF_ONE = 7  # most questions about one document
_ENTRY = re.compile(r"(?m)^[ \t]*[-*] +([A-Z][^\n]{40,220})$")
_PLAIN = re.compile(r"^[A-Z][^`|\[\]<>*_=#{}]{50,260}$")
_FORMS = ("{0}: {1}?", "does {0} say {1}", "Is it true for {0} that {1}?", "what does {0} do about {1}")


def add_package(rows: Rows, name: str, random) -> None:
    try:
        metadata = distribution(name).metadata
    except PackageNotFoundError:
        return
    text = metadata.get_payload() or metadata.get("Description") or ""
    if len(text) < 5000:
        return
    markdown = "markdown" in (metadata.get("Description-Content-Type") or "")
    ending, kind = ("md", "markdown") if markdown else ("rst", "rst")
    file = rows.add_document(f"{name}.{ending}", text, f"description of {name} {metadata['Version']} on PyPI")
    candidates = [*_sentences(text), *_entries(text)]
    random.shuffle(candidates)
    count = 0
    for sentence in candidates:
        if count == _OF_ONE:
            break
        plain = " ".join(sentence.split())
        changed = reword(plain, random, share=0.9)
        known = [word for word in content_words(plain) if stem(word) in SYNONYMS]
        if len(known) < 3:
            continue
        question = (
            f"{name} {keywords(plain, random)}"
            if random.random() < 0.5
            else random.choice(_FORMS).format(name, _shorten(changed, random))
        )
        count += rows.add(file, kind, "docs", name, question, [sentence])


def _sentences(text: str) -> list[str]:
    """First sentences of paragraphs of plain prose."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        sentence = first_sentence(paragraph)
        if sentence and _PLAIN.match(" ".join(sentence.split())):
            found.append(sentence)
    return found


def _entries(text: str) -> list[str]:
    return [entry for entry in _ENTRY.findall(text) if "`" not in entry and "http" not in entry][:40]


def _shorten(text: str, random) -> str:
    """A part of a sentence, cut at a word that starts a clause where there is one, in lower case at its start."""
    words = text.rstrip(".!").split()
    stops = [place for place, word in enumerate(words) if place >= 6 and word.lower().strip(",") in STOP]
    cut = random.choice(stops[:4]) if stops else len(words)
    return " ".join([words[0].lower(), *words[1:cut]]).rstrip(",;:")
