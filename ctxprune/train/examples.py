"""What the pruner learns from: questions over documents whose units are labelled, from every set that may be used."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.storage.json_lines import read_rows
from ctxprune.text.words import words
from ctxprune.train.sentence_sets import Document, Item, for_training, items_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["SOURCES", "Example", "passages", "plain", "split_sentences", "tables"]

SOURCES = {
    "rag/squad_pairs/all": "CC BY-SA 4.0 (SQuAD)",
    "rag/fever_eraser/dev": "CC BY-SA 3.0 (Wikipedia text), FEVER licence",
    "rag/hotpotqa/train": "CC BY-SA 4.0 (HotpotQA)",
    "rag/hotpotqa/dev": "CC BY-SA 4.0 (HotpotQA)",
    "rag/2wikimultihop/dev": "Apache-2.0 (2WikiMultihopQA)",
    "rag/lost_in_middle_nq/dev": "CC BY-SA 3.0 (Wikipedia, Natural Questions)",
    "rag/qed/dev": "CC BY-SA 3.0 (Wikipedia text), QED annotations",
    "rag/selqa/dev": "Apache-2.0 (SelQA), CC BY-SA 3.0 (Wikipedia text)",
    "rag/xquad_en/test": "CC BY-SA 4.0 (SQuAD, XQuAD)",
    "rag/scifact/sel_train": "CC BY 4.0 (SciFact), ODC-By 1.0 (abstracts)",
    "rag/scifact/queries_train": "CC BY 4.0 (SciFact), ODC-By 1.0 (abstracts)",
    "rag/scifact/corpus": "ODC-By 1.0 (abstracts)",
    "rag/pubmedqa/all": "MIT (PubMedQA)",
    "rag/fairytaleqa/train": "Apache-2.0 (FairytaleQA)",
    "rag/tatqa/dev": "CC BY 4.0 (TAT-QA)",
    "rag/wikitablequestions/train": "CC BY-SA 4.0 (WikiTableQuestions)",
    "rag/fetaqa/dev": "CC BY-SA 4.0 (FeTaQA)",
}
"""Training files with their licences; of sets without a train file of their own, the training side of the split."""
_SENTENCE = re.compile(r"(?<=[.!?])[\"'”’]?\s+(?=[\"'“‘A-Z])")
_MIXED = (
    "fever_eraser/dev_questions", "hotpotqa/train", "hotpotqa/dev", "2wikimultihop/dev", "lost_in_middle_nq/dev",
    "qed/dev", "selqa/dev", "xquad_en/test_questions",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """One question with labelled documents.

    Attributes:
        source: Which set it is from.
        kind: What its units are: "passage", "table", "schema", "tool".
        question: Or claim.
        documents: As `ctxprune.train.sentence_sets.Document`: a title, units and their labels.
        relevant: For each document whether it is what the question asks for; None where only units are labelled.
        unlabelled: Units have no labels, only documents have.
    """

    source: str
    kind: str
    question: str
    documents: tuple[Document, ...]
    relevant: tuple[bool, ...] | None = None
    unlabelled: bool = False


def passages(data: Path) -> Iterator[Example]:
    """Sentences of passages; `data` is the folder that holds `rag`.

    Raises:
        InputError: A file is missing or damaged.
    """
    rag = data / "rag"
    for name in _MIXED:
        source = name.partition("/")[0]
        for item in items_of(rag / f"{name}.jsonl.gz"):
            if item.for_training:
                yield from _own_side(source, item)
    for item in items_of(rag / "scifact" / "sel_train.jsonl.gz"):
        yield Example("scifact", "passage", item.question, item.documents)
    yield from _squad(rag / "squad_pairs" / "all.jsonl.gz")
    yield from _fairytales(rag / "fairytaleqa" / "train.jsonl.gz")
    yield from _reports(rag / "tatqa" / "dev.jsonl.gz")


def tables(data: Path) -> Iterator[Example]:
    """Rows of tables. Tables that occur in wtq_html, by title, are left out.

    Raises:
        InputError: A file is missing or damaged.
    """
    rag = data / "rag"
    barred = {plain(row["title"]) for row in read_rows(rag / "wtq_html" / "dev_pages.jsonl.gz")}
    known = {row["id"]: row for row in read_rows(rag / "wikitablequestions" / "train_tables.jsonl.gz")}
    for row in read_rows(rag / "wikitablequestions" / "train_questions.jsonl.gz"):
        table = known.get(row["table_id"])
        if table is None or not row["all_answers_are_cells"] or plain(table["title"]) in barred:
            continue
        wanted = {plain(answer) for answer in row["answers"]}
        gold = [any(plain(cell) in wanted for cell in cells) for cells in table["rows"]]
        # An answer that stands in many rows says little about which row was asked for.
        if 0 < sum(gold) <= max(2 * len(wanted), 2) and len(gold) > 1:
            document = Document(table["title"], _rows(table["header"], table["rows"]), tuple(gold))
            yield Example("wikitablequestions", "table", row["question"], (document,))
    for row in read_rows(rag / "fetaqa" / "dev.jsonl.gz"):
        if not for_training(row["title"]) or plain(row["title"]) in barred:
            continue
        needed = {int(cell[0]) for cell in row["gold_cells"]}
        header, *body = row["table"]
        labels = tuple(number in needed for number in range(1, len(body) + 1))
        document = Document(f"{row['title']} / {row['section']}", _rows(header, body), labels)
        yield Example("fetaqa", "table", row["question"], (document,))


def _own_side(source: str, item: Item) -> Iterator[Example]:
    """The item without the documents that are held out."""
    documents = tuple(document for document in item.documents if document.for_training and document.sentences)
    if documents:
        relevant = tuple(any(document.labels) for document in documents) if len(item.documents) > 1 else None
        yield Example(source, "passage", item.question, documents, relevant)


def _squad(file: Path) -> Iterator[Example]:
    """Question and answering sentence among sentences that stand near it in the file, which is in article order."""
    rows = list(read_rows(file))
    rng = random.Random(0)
    for place, row in enumerate(rows):
        near = [rows[index]["sentence"] for index in range(max(place - 8, 0), min(place + 9, len(rows)))]
        others = [text for text in dict.fromkeys(near) if text != row["sentence"]]
        rng.shuffle(others)
        far = [rows[rng.randrange(len(rows))]["sentence"] for _ in range(1)]
        sentences = list(dict.fromkeys([row["sentence"], *others[:4], *far]))
        rng.shuffle(sentences)
        document = Document("", tuple(sentences), tuple(text == row["sentence"] for text in sentences))
        yield Example("squad_pairs", "passage", row["question"], (document,))


def _fairytales(file: Path) -> Iterator[Example]:
    """Sections of stories as documents; evidence is the sentence of a gold section that holds an explicit answer."""
    rng = random.Random(1)
    for row in read_rows(file):
        sections = {entry["section"]: split_sentences(entry["text"]) for entry in row["sections"]}
        for question in row["questions"]:
            gold = [number for number in question["gold_sections"] if number in sections]
            answers = [plain(answer) for answer in question["answers"] if len(plain(answer)) > 3]
            if not gold or question["explicit"] != "explicit" or not answers:
                continue
            labels = {number: [_holds(text, answers) for text in sections[number]] for number in gold}
            if not 0 < sum(map(sum, labels.values())) <= 2:
                continue
            others = sorted(set(sections) - set(gold))
            near = rng.sample(others, min(1, len(others)))
            documents = tuple(
                Document("", tuple(sections[number]), tuple(labels.get(number, [False] * len(sections[number]))))
                for number in sorted([*gold, *near])
            )
            relevant = tuple(any(document.labels) for document in documents)
            yield Example("fairytaleqa", "passage", question["question"], documents, relevant)


def _reports(file: Path) -> Iterator[Example]:
    """Paragraphs of annual reports: the sentence that holds the answer, where it is text; else labels of paragraphs."""
    for row in read_rows(file):
        paragraphs = {entry["order"]: split_sentences(entry["text"]) for entry in row["paragraphs"]}
        if not for_training(next(iter(paragraphs.values()), [""])[0]):
            continue
        for question in row["questions"]:
            gold = set(question["gold_paragraphs"])
            if question["answer_from"] != "text" or question["answer_type"] != "span" or not gold:
                continue
            answers = [plain(str(answer)) for answer in question["answer"]]
            documents = tuple(
                Document("", tuple(texts), tuple(number in gold and _holds(text, answers) for text in texts))
                for number, texts in paragraphs.items()
            )
            relevant = tuple(number in gold for number in paragraphs)
            if any(any(document.labels) for document in documents):
                yield Example("tatqa", "passage", question["question"], documents, relevant)


def _rows(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> tuple[str, ...]:
    names = [" ".join(str(name).split()) for name in header]
    return tuple(
        "; ".join(f"{name}: {' '.join(str(cell).split())}" for name, cell in zip(names, cells, strict=False))
        for cells in rows
    )


def _holds(text: str, answers: Sequence[str]) -> bool:
    padded = f" {plain(text)} "
    return any(f" {answer} " in padded for answer in answers)


def plain(text: Any) -> str:
    """Words alone, folded: what two texts have in common that ask for the same."""
    return " ".join(words(str(text)))


def split_sentences(text: str) -> list[str]:
    """Sentences of running text, as its blanks and stops tell them apart."""
    return _SENTENCE.split(" ".join(text.split()))
