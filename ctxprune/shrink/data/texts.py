"""Plain texts for language models: read, and cut into windows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import torch

from ctxprune.errors import InputError
from ctxprune.shrink.data.batches import Calibration, check_enough, describe_batches, pad_batch, source_names
from ctxprune.shrink.io.loaded import InputFormat
from ctxprune.storage.json_lines import numbered_rows

__all__ = ["batches_of_texts", "read_texts"]


class SourcedText(str):
    """A text with its `source`: of which set or, where that is not said, of which language (`lang`) it is."""

    source: str = ""


def read_texts(path: str | Path) -> list[str]:
    """The texts of a file: of JSON lines (.jsonl, .jsonl.gz) each line's `text`; of any other file its paragraphs.

    Raises:
        InputError: The file cannot be read, is not UTF-8, holds no text, or a line has no text; the message names it.
    """
    file = Path(path)
    if file.name.endswith((".jsonl", ".jsonl.gz")):
        found: list[str] = []
        for line, row in numbered_rows(file):
            text = row.get("text") if isinstance(row, dict) else None
            if not isinstance(text, str) or not text.strip():
                raise InputError(f"there is no text in 'text', in line {line}", where=file.name)
            entry = SourcedText(text)
            entry.source = str(row.get("source", row.get("lang", "")))
            found.append(entry)
    else:
        try:
            found = [part for part in file.read_text(encoding="utf-8-sig").split("\n\n") if part.strip()]
        except OSError as error:
            raise InputError(f"the file cannot be read ({error})", where=file.name) from error
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise InputError(
                f"line {line} is not UTF-8 text", where=file.name, hint="save the file as UTF-8"
            ) from error
    if not found:
        raise InputError("the file holds no texts", where=file.name)
    return found


def batches_of_texts(
    texts: Sequence[str], form: InputFormat, *, rows: int = 8, tokens: int = 128, seed: int = 0
) -> Calibration:
    """Each text as one row, its end cut off where it is longer than `tokens`; batches of like length, seeded order.

    Errors as `batches_of`.
    """
    check_enough(len(texts), rows)
    encoded = form.texts(texts, tokens)
    sources = [text.source if isinstance(text, SourcedText) else "" for text in texts]
    names = source_names(sources)
    order = sorted(range(len(encoded)), key=lambda place: len(encoded[place].ids))
    parts = [order[at : at + rows] for at in range(0, len(order), rows)]
    random.Random(seed).shuffle(parts)
    made = []
    for part in parts:
        batch = pad_batch([encoded[place] for place in part], form)
        if names:
            batch["sources"] = torch.tensor([names.index(sources[place]) for place in part])
        made.append(batch)
    return describe_batches(made, encoded, len(encoded), sources=names, parts=parts)
