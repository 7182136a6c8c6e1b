"""Training of the bundled tokenizer: `python -m ctxprune.train.tokenizer --data DIR --out FOLDER`.

Reads only sets whose licence allows training, and of those no file that anything is evaluated on. The same data gives
the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError
from ctxprune.storage.json_lines import read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["corpus", "main", "train"]

VOCABULARY = 16_000
# A word with the space before it, up to three digits, a run of marks, line breaks, other space; long runs are cut, so
# that no input makes the merging slow.
PATTERN = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]{1,64}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{M}\p{N}]{1,16}[\r\n]{0,8}",
        r"\s{0,16}[\r\n]{1,8}",
        r"\s{1,16}(?!\S)",
        r"\s",
    )
)
_SETS = {
    "rag/hotpotqa/train.jsonl.gz": "CC BY-SA 4.0 (HotpotQA)",
    "rag/squad_pairs/all.jsonl.gz": "CC BY-SA 4.0 (SQuAD)",
    "rag/scifact/corpus.jsonl.gz": "ODC-By 1.0 (S2ORC abstracts of SciFact)",
    "rag/pubmedqa/all.jsonl.gz": "MIT (PubMedQA)",
    "rag/fairytaleqa/train.jsonl.gz": "Apache-2.0 (FairytaleQA)",
    "rag/wikitablequestions/train_tables.jsonl.gz": "CC BY-SA 4.0 (WikiTableQuestions)",
    "rag/wikitablequestions/train_questions.jsonl.gz": "CC BY-SA 4.0 (WikiTableQuestions)",
    "nl2sql/spider/train_spider.json": "CC BY-SA 4.0 (Spider)",
}
_SKIPPED_KEYS = frozenset({"id", "ids", "labels", "type", "level", "passage_id", "url"})


def corpus(data: Path) -> Iterator[str]:
    """The training texts under the folder `data`, in a fixed order: prose, tables as text and as JSON, SQL, DDL.

    Raises:
        InputError: A file is missing.
    """
    for name in _SETS:
        path = data / name
        if not path.is_file():
            raise InputError("a training file is missing", where=str(path))
        for record in _records(path):
            yield from _texts(record)
    yield from _schemas(data / "nl2sql" / "spider")


def train(data: Path, out: Path) -> dict[str, Any]:
    """Train a byte-level BPE tokenizer and write `tokenizer.json` and its card into the folder `out`.

    Returns:
        What the card says: vocabulary size, characters of text, sha256 of the text and of the tokenizer.

    Raises:
        InputError: A training file is missing.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    digest, size = hashlib.sha256(), 0

    def texts() -> Iterator[str]:
        nonlocal size
        for text in corpus(data):
            digest.update(text.encode("utf-8", "replace"))
            size += len(text)
            yield text

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts(),
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            min_frequency=2,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            max_token_length=24,
            show_progress=False,
        ),
    )
    out.mkdir(parents=True, exist_ok=True)
    model = out / "tokenizer.json"
    model.write_text(tokenizer.to_str(pretty=False), encoding="utf-8")
    facts = {
        "vocabulary": tokenizer.get_vocab_size(),
        "characters": size,
        "corpus_sha256": digest.hexdigest(),
        "tokenizer_sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
    }
    (out / "TOKENIZER.md").write_text(_card(facts), encoding="utf-8")
    return facts


def main(arguments: list[str] | None = None) -> int:
    """Command line of this script; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with rag/ and nl2sql/")
    parser.add_argument("--out", type=Path, required=True, help="folder for tokenizer.json and TOKENIZER.md")
    options = parser.parse_args(arguments)
    sys.stdout.write(json.dumps(train(options.data, options.out)) + "\n")
    return 0


def _records(path: Path) -> Iterator[Any]:
    if path.suffix == ".json":
        yield from json.loads(path.read_text(encoding="utf-8"))
        return
    yield from read_rows(path)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a record; lists of short texts (sentences, table rows) as one text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in _SKIPPED_KEYS:
                yield from _texts(item)
    elif isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        yield " ".join(item.strip() for item in value)
    elif isinstance(value, list):
        if value and all(isinstance(item, list) for item in value):
            yield json.dumps(value[:4], ensure_ascii=False)
        for item in value:
            yield from _texts(item)


def _schemas(spider: Path) -> Iterator[str]:
    """Names and DDL of the databases that the training questions ask, twice, since there are few of them."""
    asked = sorted({record["db_id"] for record in _records(spider / "train_spider.json")})
    for schema in _records(spider / "tables.json"):
        if schema["db_id"] in asked:
            names = [f"{name}" for _, name in schema["column_names_original"]]
            yield from (json.dumps(schema["table_names_original"]), ", ".join(names), " ".join(names))
    for name in asked:
        for path in sorted((spider / "database" / name).glob("*.sql")):
            yield path.read_text(encoding="utf-8", errors="replace")[:8000]


def _card(facts: dict[str, Any]) -> str:
    sets = "\n".join(f"- {name}: {licence}" for name, licence in _SETS.items())
    return f"""# Bundled tokenizer

Byte-level BPE, {facts["vocabulary"]} entries, for counting tokens offline.
Made by `python -m ctxprune.train.tokenizer`.
It encodes every text; it knows no special tokens. Counts are for budgeting: a model's own tokenizer, given as counter,
is exact for that model.

- format: `tokenizers` JSON; name in results: `ctxprune-bpe.v1`
- sha256 of tokenizer.json: {facts["tokenizer_sha256"]}
- training text: {facts["characters"]} characters, sha256 {facts["corpus_sha256"]}
- licence of this file: Apache-2.0. It holds a vocabulary and merge order, no text of the sets below.

Training sets with their licences; also the DDL and names of the schemas that Spider's training questions ask:

{sets}
"""


if __name__ == "__main__":
    sys.exit(main())
