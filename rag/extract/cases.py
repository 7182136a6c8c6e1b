"""A memory of cases: recent good records and mistakes, which prompts show as examples.

After Luo et al., OneKE: A Dockerized Schema-Guided LLM Agent-based Knowledge Extraction System, WWW 2025
(arXiv:2412.20005), whose case repository has correct cases and bad ones with what was wrong.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from ctxprune.errors import FormatError, InputError
from ctxprune.text.words import terms
from ctxprune.utils.validation import check_whole

from ..jsonschema.json_values import copy_json

__all__ = ["Case", "CaseMemory"]

_FORMAT, _VERSION = "ctxprune.extraction-cases", 1
_LONGEST = 1_000  # characters of a text that are kept
_MOST_BYTES = 50_000_000


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        schema: Name of the record schema.
        text: What was extracted from, up to 1,000 characters.
        answer: The records, as JSON holds them.
        problem: What is wrong with the answer; "" for a good one.
    """

    schema: str
    text: str
    answer: Any
    problem: str = ""


class CaseMemory:
    """The latest cases, good and bad ones apart. Safe to share between threads.

    Args:
        size: Cases of each sort that are kept at most, the latest ones.

    Raises:
        UsageError: `size` is no whole number from 1 up.
    """

    def __init__(self, size: int = 50) -> None:
        check_whole("size", size)
        self.size = size
        self._good: deque[Case] = deque(maxlen=size)
        self._bad: deque[Case] = deque(maxlen=size)
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._good) + len(self._bad)

    def add(self, case: Case) -> None:
        """Remember a case; an equal one is not kept twice.

        Raises:
            InputError: The answer has no form in JSON.
        """
        case = Case(case.schema, case.text[:_LONGEST], copy_json(case.answer), case.problem)
        with self._lock:
            kept = self._bad if case.problem else self._good
            if case in kept:
                kept.remove(case)
            kept.append(case)

    def select(self, schema: str, text: str, most: int) -> list[Case]:
        """Up to `most` cases of a schema that are most like a text, a mistake among them where there is one.

        Likeness is the share of words in common; of equally like ones the latest come first.
        """
        if most < 1:
            return []
        with self._lock:
            good, bad = ([case for case in kept if case.schema == schema] for kept in (self._good, self._bad))
        asked = frozenset(terms(text[:_LONGEST]))
        good, bad = _rank(good, asked), _rank(bad, asked)
        shown = bad[:1] if most > 1 or not good else []
        return [*good[: most - len(shown)], *shown]

    def save(self, path: str | Path) -> None:
        """Write the cases as JSON, whole or not at all.

        Raises:
            InputError: The file cannot be written.
        """
        with self._lock:
            cases = [asdict(case) for case in (*self._good, *self._bad)]
        place = Path(path)
        part = place.with_name(f".{place.name}.part")
        document = {"format": _FORMAT, "version": _VERSION, "size": self.size, "cases": cases}
        try:
            part.write_text(json.dumps(document, ensure_ascii=True, indent=1), encoding="utf-8")
            part.replace(place)
        except OSError as error:
            raise InputError(f"cannot write the cases: {error.strerror}", where=str(place)) from error

    @classmethod
    def load(cls, path: str | Path) -> CaseMemory:
        """Read what `save` wrote.

        Raises:
            InputError: The file cannot be read.
            FormatError: It holds something else.
        """
        place = Path(path)
        try:
            if place.stat().st_size > _MOST_BYTES:
                raise FormatError("the file of cases is too large", where=str(place))
            document = json.loads(place.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"cannot read the cases: {error.strerror}", where=str(place)) from error
        except (ValueError, RecursionError) as error:
            raise FormatError(f"the cases are no JSON ({error})", where=str(place)) from error
        if not isinstance(document, dict) or (document.get("format"), document.get("version")) != (_FORMAT, _VERSION):
            raise FormatError(
                "the file holds no extraction cases", where=str(place), hint=f"it should be {_FORMAT} {_VERSION}"
            )
        size, cases = document.get("size", 50), document.get("cases", [])
        if type(size) is not int or size < 1 or not isinstance(cases, list):
            raise FormatError("the size is no whole number from 1 up, or the cases are no list", where=str(place))
        memory = cls(size)
        for entry in cases:
            if not isinstance(entry, dict) or not all(
                isinstance(entry.get(k), str) for k in ("schema", "text", "problem")
            ):
                raise FormatError("a case lacks its schema, text or problem", where=str(place))
            memory.add(Case(entry["schema"], entry["text"], entry.get("answer"), entry["problem"]))
        return memory


def _rank(cases: Sequence[Case], asked: frozenset[str]) -> list[Case]:
    def likeness(case: Case) -> float:
        own = frozenset(terms(case.text))
        return len(asked & own) / max(len(asked | own), 1)

    latest = list(reversed(cases))
    return sorted(latest, key=lambda case: -likeness(case))
