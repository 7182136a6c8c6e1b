"""Pools of passages with judged questions, for static pruning: all passages of a source, whether asked about or not.

A passage is answered by a question where the set's own labels say so; `groups` says which document it is of.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import numpy as np

from benchmarks.common.record import SHARED
from ctxprune.rag.html.page import HtmlPage
from ctxprune.storage.json_lines import read_rows

RAG = SHARED / "data" / "rag"
SIZE = 600  # characters of a passage that is packed from sentences or blocks


@dataclass(frozen=True)
class Pool:
    """Passages, the document of each, questions, and for each question the passages that answer it."""

    name: str
    texts: list[str]
    groups: list[str]
    questions: list[str]
    relevant: list[set[int]]

    @property
    def answered(self) -> np.ndarray:
        """bool (n_passages,): whether a passage answers some question of the pool."""
        found = np.zeros(len(self.texts), dtype=bool)
        found[sorted(set().union(*self.relevant))] = True
        return found


def rows(name: str, part: str):
    return list(read_rows(RAG / name / f"{part}.jsonl.gz"))


def pack(sentences: list[str]) -> list[list[int]]:
    """Indices of consecutive sentences of about SIZE characters together."""
    packed: list[list[int]] = []
    room = 0
    for index, sentence in enumerate(sentences):
        if not packed or room + len(sentence) > SIZE:
            packed.append([])
            room = 0
        packed[-1].append(index)
        room += len(sentence)
    return packed


class Builder:
    def __init__(self, name: str) -> None:
        self.pool = Pool(name, [], [], [], [])
        self._known: dict[str, int] = {}

    def add(self, text: str, group: str) -> int:
        text = text.strip()
        if text not in self._known:
            self._known[text] = len(self.pool.texts)
            self.pool.texts.append(text)
            self.pool.groups.append(group)
        return self._known[text]

    def ask(self, question: str, places) -> None:
        if places := set(places):
            self.pool.questions.append(question)
            self.pool.relevant.append(places)


def wtq_html() -> Pool:
    """Blocks of whole pages, packed; a passage answers where a block of the gold table in it holds an answer."""
    builder, held = Builder("wtq_html"), {}
    for row in rows("wtq_html", "dev_pages"):
        page = HtmlPage(row["html"])
        blocks = [unit.text for unit in page.units]
        gold = gold_units(page, row["gold_table"])
        held[row["id"]] = [
            (builder.add("\n".join(blocks[i] for i in part), row["id"]), [blocks[i] for i in part if i in gold])
            for part in pack(blocks)
        ]
    for row in rows("wtq_html", "dev_questions"):
        patterns = [re.compile(rf"(?<!\w){re.escape(answer.lower())}(?!\w)") for answer in row["answers"]]
        hits = [
            place for place, cells in held[row["page_id"]]
            if any(pattern.search(cell.lower()) for cell in cells for pattern in patterns)
        ]  # fmt: skip
        builder.ask(row["question"], hits)
    return builder.pool


def gold_units(page: HtmlPage, number: int) -> set[int]:
    """Units whose source lies inside the table of that number."""
    stack, spans = [], {}
    count = 0
    for match in re.finditer(r"<(/?)table\b", page.source, re.IGNORECASE):
        if match[1]:
            if stack:
                spans[stack.pop()][1] = match.end()
        else:
            spans[count] = [match.start(), len(page.source)]
            stack.append(count)
            count += 1
    low, high = spans[number]
    return {i for i, unit in enumerate(page.units) if unit.span and low <= unit.span[0] and unit.span[1] <= high}


def policyqa() -> Pool:
    """All passages that the set has; each is asked about."""
    builder = Builder("policyqa")
    places = {
        row["id"]: builder.add(" ".join(row["sentences"]), row["title"]) for row in rows("policyqa", "dev_passages")
    }
    for row in rows("policyqa", "dev_questions"):
        builder.ask(row["question"], [places[row["passage_id"]]])
    return builder.pool


def squad_pairs() -> Pool:
    """All sentences that the set has; each is asked about."""
    builder = Builder("squad_pairs")
    for row in rows("squad_pairs", "all"):
        builder.ask(row["question"], [builder.add(row["sentence"], "")])
    return builder.pool


def scifact(questions: str = "queries_dev") -> Pool:
    """All abstracts with their titles; most are cited by no claim."""
    builder = Builder("scifact")
    places = {
        str(row["id"]): builder.add(" ".join([row["title"] or "", *row["sentences"]]), str(row["id"]))
        for row in rows("scifact", "corpus")
    }
    for row in rows("scifact", questions):
        builder.ask(row["text"], [places[str(name)] for name in row["relevant_doc_ids"]])
    return builder.pool


def scifact_train() -> Pool:
    return scifact("queries_train")


def packed_sentences(name: str, passages: str, questions: str) -> Pool:
    """Passages packed from the sentences of pages; one answers where it has an evidence sentence."""
    builder, held = Builder(name), {}
    for row in rows(name, passages):
        sentences = row["sentences"]
        held[row["id"]] = {
            i: place
            for part in pack(sentences)
            for place in [builder.add(" ".join(sentences[i] for i in part), str(row["id"]))]
            for i in part
        }
    for row in rows(name, questions):
        builder.ask(row["question"], [held[row["passage_id"]][i] for i in row["evidence"]])
    return builder.pool


def documents(name: str, part: str) -> Pool:
    """Paragraphs that come with questions; one answers where a sentence of it is labelled."""
    builder = Builder(name)
    for row in rows(name, part):
        hits = []
        for doc in row["docs"]:
            place = builder.add(" ".join(sentence.strip() for sentence in doc["sentences"]), doc["title"])
            hits += [place] if any(doc["labels"]) else []
        builder.ask(row["question"], hits)
    return builder.pool


def sentences(name: str, part: str) -> Pool:
    """Single sentences of sections; one answers where it is labelled."""
    builder = Builder(name)
    for row in rows(name, part):
        places = [builder.add(sentence, row["title"]) for sentence in row["sentences"]]
        builder.ask(row["question"], [p for p, label in zip(places, row["labels"], strict=True) if label])
    return builder.pool


def web_passages(*, packed: bool = True) -> list[str]:
    """Passages of whole web pages, articles with all that stands around them; single blocks where not `packed`."""
    found = []
    for name in ("article_extraction", "article_extraction_more"):
        for row in rows(name, "dev"):
            blocks = [unit.text for unit in HtmlPage(row["html"]).units]
            found += ["\n".join(blocks[i] for i in part) for part in pack(blocks)] if packed else blocks
    return list(dict.fromkeys(filter(str.strip, found)))


NOISE = 1500  # passages of either side


def noise(pools: list[Pool], seed: int = 0) -> Pool:
    """Constructed: passages of these pools that answer a question and tables of WikiTableQuestions, against junk made
    of the words of such passages, which no set has in numbers: menus, fragments, repeated lines, lists of links, marks.
    """
    rng = np.random.default_rng(seed)
    good = [text for pool in pools for text, held in zip(pool.texts, pool.answered, strict=True) if held]
    picked = rng.permutation(len(good))
    builder, places = Builder("noise"), []
    places += [builder.add(good[i], "") for i in picked[:NOISE]]
    tables = rows("wikitablequestions", "train_tables")
    places += [builder.add(table_passage(tables[i]), "") for i in rng.permutation(len(tables))[: NOISE // 2]]
    makers = (menu, fragment, repeated, links, marks)
    for number in range(NOISE):
        words = good[picked[int(rng.integers(len(picked)))]].split()
        builder.add(makers[number % len(makers)](words, rng), "")
    for place in places:
        builder.ask("", [place])
    return builder.pool


def table_passage(table: dict) -> str:
    """The header and the first rows of a table, as a reader of pages writes them."""
    lines = [" | ".join(map(str, cells)) for cells in [table["header"], *table["rows"]]]
    return "\n".join(lines[i] for i in pack(lines)[0])


def menu(words: list[str], rng: np.random.Generator) -> str:
    """Entries of one or two words, on lines or between bars."""
    joint = ("\n", " | ", " · ", " » ", "  ")[int(rng.integers(5))]
    parts, place = [], 0
    while place < len(words) and len(parts) < rng.integers(3, 25):
        size = int(rng.integers(1, 3))
        parts.append(" ".join(words[place : place + size]).strip(".,;:()").capitalize())
        place += size
    return joint.join(parts)


def fragment(words: list[str], rng: np.random.Generator) -> str:
    """The beginning of a sentence."""
    return " ".join(words[: int(rng.integers(1, 6))]).rstrip(".") + ("…" if rng.random() < 0.3 else "")


def repeated(words: list[str], rng: np.random.Generator) -> str:
    """A few words again and again."""
    size = int(rng.integers(1, 8))
    return ("\n" if rng.random() < 0.5 else " ").join([" ".join(words[:size])] * int(rng.integers(3, 12)))


def links(words: list[str], rng: np.random.Generator) -> str:
    """Addresses and calls to click."""
    host = re.sub(r"\W", "", words[0].lower()) or "site"
    entries = [f"https://www.{host}.com/{re.sub(r'[^a-z]', '', word.lower())}" for word in words[: rng.integers(2, 9)]]
    return "\n".join(entries if rng.random() < 0.5 else [f"{words[0]} → {entry}" for entry in entries])


def marks(words: list[str], rng: np.random.Generator) -> str:
    """Punctuation and numbers with hardly a word."""
    signs = "".join(rng.choice(list("|-_=*#/.:,;()[]{}<>0123456789 "), int(rng.integers(10, 120))))
    return f"{words[0]} {signs}"


def fingerprints(names) -> dict[str, str]:
    """SHA-256 of the files of each set that a pool is read from."""
    folders = sorted({name.removesuffix("_train") for name in names})
    return {
        name: hashlib.sha256(b"".join(file.read_bytes() for file in sorted((RAG / name).glob("*.gz")))).hexdigest()[:16]
        for name in folders
    }


TRAINING = {
    "fever_eraser": lambda: packed_sentences("fever_eraser", "dev_passages", "dev_questions"),
    "xquad_en": lambda: packed_sentences("xquad_en", "test_passages", "test_questions"),
    "qed": lambda: sentences("qed", "dev"),
    "selqa": lambda: sentences("selqa", "dev"),
}
REPORTED = {"wtq_html": wtq_html, "policyqa": policyqa, "squad_pairs": squad_pairs, "scifact": scifact}
