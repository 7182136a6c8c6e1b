"""The choice of a press and its ratio for a deadline, from a table of measurements."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import BudgetError, InputError, UsageError
from ctxprune.kv.presses.registry import build_press
from ctxprune.kv.selection import check_ratio, keep_count
from ctxprune.storage.sealed import parse_json
from ctxprune.utils.validation import check_number, check_whole

if TYPE_CHECKING:
    from ctxprune.kv.presses.base import Press

__all__ = ["FULL", "Choice", "DecodeCost", "Measurement", "Router"]


FULL = "full"  # name of the row without pruning in tables of measurements


@dataclass(frozen=True)
class DecodeCost:
    """Milliseconds of one new token: `base_ms` + `per_1k_ms` per 1,000 kept tokens.

    Raises:
        UsageError: A number is below 0.
    """

    base_ms: float
    per_1k_ms: float = 0.0

    def __post_init__(self) -> None:
        check_number("base_ms", self.base_ms, minimum=0)
        check_number("per_1k_ms", self.per_1k_ms, minimum=0)


@dataclass(frozen=True)
class Measurement:
    """One row of a table of measurements.

    Attributes:
        press: Name of the press ("snapkv.v1").
        ratio: The share of tokens that it drops.
        accuracy: Higher = better.
        bytes_ratio: Bytes of the cache as a share of the full one's.
        press_ms: Milliseconds of pressing per 1,000 tokens of context.
        prefill_ms: Milliseconds of reading per 1,000 tokens of context.
        mode: "blind" or "aware" (of the question), or "" where it is unknown.

    Raises:
        UsageError: A number is out of its range.
    """

    press: str
    ratio: float
    accuracy: float
    bytes_ratio: float
    press_ms: float = 0.0
    prefill_ms: float = 0.0
    mode: str = ""

    def __post_init__(self) -> None:
        check_ratio(self.ratio)
        check_number("accuracy", self.accuracy, minimum=0)
        check_number("bytes_ratio", self.bytes_ratio, minimum=0)
        check_number("press_ms", self.press_ms, minimum=0)
        check_number("prefill_ms", self.prefill_ms, minimum=0)


@dataclass(frozen=True)
class Choice:
    """A row with its predictions: milliseconds of the whole answer, and bytes of the cache (None where the router does
    not know the bytes of a token).
    """

    row: Measurement
    latency_ms: float
    bytes: float | None

    def build(self) -> Press:
        """The press at its ratio, with its wrapper if the row has one ("adakv(snapkv)"); for "full" one that drops
        nothing.

        Raises:
            UnknownNameError: There is no such press.
            UsageError: It needs something learned for the model.
        """
        name, ratio = self.row.press, self.row.ratio
        press: Press = build_press("streaming_llm", 0.0) if name == FULL else build_press(name, ratio)
        return press


@dataclass(frozen=True)
class Router:
    """Chooses the most accurate row that is predicted to meet a deadline and a limit of bytes.

    Attributes:
        rows: The table, one row or more.
        decode: Time of new tokens.
        bytes_per_token: Bytes of one token in the full cache, over all layers; None: unknown.

    Raises:
        UsageError: The table is empty, or a number is out of its range.
    """

    rows: tuple[Measurement, ...]
    decode: DecodeCost
    bytes_per_token: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(self.rows))
        if not self.rows:
            raise UsageError("the router has no rows", hint="measure some: ctxprune bench kv --json")
        if self.bytes_per_token is not None:
            check_number("bytes_per_token", self.bytes_per_token, minimum=0)

    @classmethod
    def read(cls, path: str | Path, *, tokens: int, decode: DecodeCost, bytes_per_token: float | None = None) -> Router:
        """A router over a table written by `ctxprune bench kv --json`.

        Args:
            path: A JSON file: the document, or only its rows, with press, ratio, mode, accuracy, bytes_ratio, press_ms
                and prefill_ms. Rows of another "storage" than "plain" are skipped: their ratio counts bytes, and does
                not tell how many tokens were kept.
            tokens: Length of the contexts that were measured, to which the milliseconds refer.
            decode: Time of new tokens.
            bytes_per_token: As the attribute.

        Raises:
            InputError: The file cannot be read, has no list of rows, or a row lacks a number (presses without timings).
            UsageError: A number is out of its range.
        """
        check_whole("tokens", tokens, minimum=1)
        rows = [_parse_row(each, number, tokens, Path(path).name) for number, each in enumerate(_read_rows(Path(path)))]
        return cls(tuple(row for row in rows if row is not None), decode, bytes_per_token)

    def route(
        self,
        *,
        tokens: int,
        new_tokens: int,
        latency_ms: float,
        bytes: float | None = None,  # noqa: A002
        mode: str | None = None,
    ) -> Choice:
        """The row with the highest accuracy that is predicted to meet the limits; ties go to fewer bytes, then less
        time.

        Args:
            tokens: Length of the context.
            new_tokens: Length of the answer.
            latency_ms: Milliseconds for reading, pressing and answering together.
            bytes: Maximum bytes of the cache; None: no limit.
            mode: Only rows of this mode; None: all.

        Raises:
            BudgetError: No row meets the limits; `nearest` is the one that exceeds them least, named in the message.
            UsageError: A number is out of its range, no row has the mode, or the bytes of a token are unknown.
        """
        choices = self.feasible(tokens=tokens, new_tokens=new_tokens, latency_ms=latency_ms, bytes=bytes, mode=mode)
        return min(choices, key=_rank)

    def feasible(
        self,
        *,
        tokens: int,
        new_tokens: int,
        latency_ms: float,
        bytes: float | None = None,  # noqa: A002
        mode: str | None = None,
    ) -> list[Choice]:
        """All choices that are predicted to meet the limits, one at least, in the order of the rows; arguments and
        errors are those of `route`."""
        check_whole("tokens", tokens, minimum=1)
        check_whole("new_tokens", new_tokens, minimum=0)
        check_number("latency_ms", latency_ms, minimum=0)
        if bytes is not None:
            check_number("bytes", bytes, minimum=0)
            if self.bytes_per_token is None:
                raise UsageError(
                    "this router does not know the bytes of a token", hint="Router(rows, decode, bytes_per_token=...)"
                )
        rows = [row for row in self.rows if mode is None or row.mode == mode]
        if not rows:
            raise UsageError(
                f"no row has the mode {mode!r}", hint=f"one of {', '.join(sorted({row.mode for row in self.rows}))}"
            )
        choices = [self.predict(row, tokens=tokens, new_tokens=new_tokens) for row in rows]
        excesses = [_excess(each, latency_ms, bytes) for each in choices]
        feasible = [each for each, excess in zip(choices, excesses, strict=True) if excess <= 0]
        if feasible:
            return feasible
        nearest = min(zip(excesses, choices, strict=True), key=lambda pair: (pair[0], _rank(pair[1])))[1]
        raise _no_row_error(nearest, latency_ms, bytes)

    def predict(self, row: Measurement, *, tokens: int, new_tokens: int) -> Choice:
        """The predictions of a row for a context and an answer of these lengths."""
        kept = keep_count(tokens, row.ratio)
        read = (row.prefill_ms + row.press_ms) * tokens / 1000
        latency = read + new_tokens * (self.decode.base_ms + self.decode.per_1k_ms * kept / 1000)
        whole = None if self.bytes_per_token is None else self.bytes_per_token * tokens
        return Choice(row, latency, None if whole is None else whole * row.bytes_ratio)


def _rank(choice: Choice) -> tuple[float, float, float]:
    return -choice.row.accuracy, choice.row.bytes_ratio, choice.latency_ms


def _excess(choice: Choice, latency_ms: float, nbytes: float | None) -> float:
    """The largest relative excess of a choice over its limits; 0 if it meets them."""
    over = [_relative_excess(choice.latency_ms, latency_ms)]
    if nbytes is not None and choice.bytes is not None:
        over.append(_relative_excess(choice.bytes, nbytes))
    return max(over)


def _relative_excess(value: float, limit: float) -> float:
    if value <= limit:
        return 0.0
    # Relative, so that milliseconds and bytes compare; a limit of 0 gives a large excess, not a division by 0.
    return (value - limit) / max(limit, 1e-9)


def _no_row_error(nearest: Choice, latency_ms: float, nbytes: float | None) -> BudgetError:
    limits = f"{latency_ms:g} ms" + ("" if nbytes is None else f" and {nbytes:g} bytes")
    takes = f"{nearest.latency_ms:g} ms" + ("" if nearest.bytes is None else f" and {nearest.bytes:g} bytes")
    error = BudgetError(
        f"no measured press meets {limits}",
        hint=f"the nearest is {nearest.row.press} at ratio {nearest.row.ratio:g} with {takes}",
    )
    error.nearest = nearest  # type: ignore[attr-defined]
    return error


def _read_rows(path: Path) -> list[Any]:
    try:
        rows = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"the table cannot be read ({error})", where=path.name) from error
    rows = rows.get("rows") if isinstance(rows, dict) else rows
    if not isinstance(rows, list):
        raise InputError("the table is not a list of rows", where=path.name, hint="ctxprune bench kv --json writes one")
    return rows


def _parse_row(row: Any, number: int, tokens: int, name: str) -> Measurement | None:
    # Tables hold milliseconds of whole contexts, measurements those of 1,000 tokens.
    scale = 1000 / tokens
    try:
        # A ratio of a quantised row counts bytes: the kept tokens, and so the latency, cannot be told from it.
        if row.get("storage", "plain") != "plain":
            return None
        missing = [key for key in ("accuracy", "bytes_ratio", "press_ms", "prefill_ms") if row[key] is None]
        if missing:
            raise KeyError(missing[0])
        return Measurement(
            press=str(row["press"]),
            ratio=row["ratio"],
            accuracy=row["accuracy"],
            bytes_ratio=row["bytes_ratio"],
            press_ms=row["press_ms"] * scale,
            prefill_ms=row["prefill_ms"] * scale,
            mode=str(row["mode"]),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(
            f"row {number} has no usable {error}",
            where=name,
            hint="press, ratio, mode, accuracy, bytes_ratio, press_ms, prefill_ms",
        ) from error
