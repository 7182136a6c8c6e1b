"""Prunes pages with htmlrag's BM25, run by html_pages.py in htmlrag's environment.

    python htmlrag_peer.py TOKENIZER.json

Reads JSON lines `{"html", "gold_table", "question", "budgets"}` and writes `{"seconds", "pages"}`: for each budget the
tokens of their output and what it keeps of the gold table. The first line is `{"version", "max_node_words"}`.

`seconds` is what one call of theirs takes, from the raw page to the output at the first budget: clean_html,
build_block_tree, BM25 and prune_HTML with the 256 words a block that they recommend for real pages. Budgets are tokens
of the tokenizer that html_pages.py counts with. `kept` is what is left of the table `gold_table`. To know it in an
output without attributes, the tags inside that table have another name on the way in (`td`, `gold-td`), which neither
their ranking, which reads texts alone, nor the tokenizer sees.

torch, which they ask for, is needed by their other two pruners alone: here it is an empty module.
"""

from __future__ import annotations

import json
import sys
import types
from importlib.metadata import version
from time import perf_counter

import bs4
import transformers  # noqa: F401  # before torch: it would look for a real one
from tokenizers import Tokenizer

sys.modules["torch"] = types.ModuleType("torch")
from htmlrag import BM25HTMLPruner, build_block_tree, clean_html  # noqa: E402  # after the stand-in for torch

MARK = "gold-"
WORDS = 256
INLINE = frozenset(
    ("a", "abbr", "b", "bdi", "cite", "code", "em", "font", "i", "mark", "q", "s", "small", "span", "strong", "sub")
)
PLAIN = ("br", "hr", "img", "input", "link", "meta", "script", "style", "wbr")  # known by name to them or the parser


class Counter:
    """The part of a transformers tokenizer that htmlrag calls."""

    def __init__(self, path: str) -> None:
        self._tokenizer = Tokenizer.from_file(path)

    def encode(self, text: str, add_special_tokens: bool = False) -> list[int]:
        return self._tokenizer.encode(text.replace(MARK, ""), add_special_tokens=add_special_tokens).ids

    def tokenize(self, text: str) -> list[str]:
        return self._tokenizer.encode(text).tokens

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        return self._tokenizer.decode([self._tokenizer.token_to_id(token) for token in tokens])


def marked(html: str, gold: int | None) -> str:
    """The page as their parser reads it, with the tags inside the table renamed."""
    soup = bs4.BeautifulSoup(html, "html.parser")
    if gold is not None:
        table = soup.find_all("table")[gold]
        for tag in [table, *table.find_all(True)]:
            tag.name = tag.name if tag.name in PLAIN else MARK + tag.name
    return str(soup)


def kept(html: str) -> str:
    """The text inside marked tags; apart is what no browser writes in one line."""
    parts: list[str] = []
    for node in bs4.BeautifulSoup(html, "html.parser").descendants:
        if isinstance(node, bs4.Tag):
            parts.append("" if node.name.removeprefix(MARK) in INLINE else " ")
        elif any(parent.name.startswith(MARK) for parent in node.parents):
            parts.append(str(node))
    return "".join(parts)


def main() -> None:
    counter, pruner = Counter(sys.argv[1]), BM25HTMLPruner()
    write({"version": version("htmlrag"), "max_node_words": WORDS})
    for line in sys.stdin:
        asked = json.loads(line)
        html = marked(asked["html"], asked["gold_table"])
        started = perf_counter()
        tree, simple = build_block_tree(clean_html(html), max_node_words=WORDS)
        order = pruner.calculate_block_rankings(asked["question"], simple, tree)
        pages: list[str] = []
        seconds = 0.0
        try:
            for budget in asked["budgets"]:
                pages.append(pruner.prune_HTML(simple, tree, order, counter, budget))
                seconds = seconds or perf_counter() - started
        except AssertionError:  # of theirs, about the path of a tag; known to them
            write({"failed": True})
            continue
        found = [{"tokens": len(counter.encode(page)), "kept": kept(page)} for page in pages]
        write({"failed": False, "seconds": seconds, "pages": found})


def write(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
