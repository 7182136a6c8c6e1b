"""A calibration as it is kept: the limit, what it promises, and for which scorer and data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from ctxprune.calibration.keep_sets import CalibratedPolicy, Closing, KeepSets, check_identity
from ctxprune.errors import FormatError, InputError
from ctxprune.policies import Threshold
from ctxprune.storage.drafts import draft_of
from ctxprune.utils.fingerprint import Identity
from ctxprune.utils.validation import is_number

__all__ = ["Calibration"]

FORMAT, VERSION = "ctxprune.calibration", 1
_LONGEST = 1 << 20  # bytes of a file; ours have about one thousand


@dataclass(frozen=True)
class Calibration:
    """A limit with its promise. Made by `ctxprune.calibration.conformal.calibrate`.

    Attributes:
        limit: Units whose measure reaches it are kept.
        risk: Asked: highest expected loss, 0..1.
        bound: Proven: the expected loss is at most this, 0..1, never over `risk`.
        loss: "strict" or "recall".
        by: "question", "left_out" or "group": what is exchangeable.
        confidence: Chance that this calibration holds the bound; None where the bound is on the mean over calibrations.
        seen: Mean loss of the calibration data at the limit.
        left_out: Mean loss of single groups at the limits that the other groups give, an estimate (no bound) for groups
            not seen before; None with less than two groups, or where the others are too few for the risk.
        n: Questions that were calibrated on.
        groups: Different groups among them; 0 if they have none.
        kept_share: Mean share of the leaves (columns, sentences) kept on the calibration data.
        measure: Registered name of the measure.
        scorer: Whose scores the limit is for.
        closure: The policy that adds what chosen units need.
        data: Fingerprint of the calibration data.
    """

    limit: float
    risk: float
    bound: float
    loss: str
    by: str
    confidence: float | None
    seen: float
    left_out: float | None
    n: int
    groups: int
    kept_share: float
    measure: str
    scorer: Identity
    closure: Identity
    data: str

    def policy(self, closure: Closing | None = None) -> CalibratedPolicy:
        """The policy that keeps what was calibrated, for a `Pruner` or a linker with the same scorer.

        Args:
            closure: What the calibration was made with; default Threshold().

        Raises:
            UsageError: It was made with another closure.
            UnknownNameError: Its measure comes from a plug-in that is not installed.
        """
        closure = Threshold() if closure is None else closure
        check_identity("closure", closure, self.closure)
        return CalibratedPolicy(self.limit, KeepSets(self.measure, closure), self.scorer)

    def check(self, scorer: Any) -> None:
        """Make sure that `scorer` is the one that was calibrated.

        Raises:
            UsageError: It is another one, or has other weights or parameters.
        """
        check_identity("scorer", scorer, self.scorer)

    @property
    def promise(self) -> str:
        """The guarantee in one sentence, without a full stop."""
        new = "questions of groups not seen before" if self.by == "group" else "questions like these"
        sure = "on average over calibrations" if self.confidence is None else f"with confidence {self.confidence:g}"
        if self.loss == "strict":
            return f"{new} lose a needed unit on at most {self.bound:.2%} of questions, {sure}"
        return f"{new} lose at most {self.bound:.2%} of the needed units, {sure}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe, with format, version and a checksum."""
        document = {"format": FORMAT, "version": VERSION, **asdict(self)}
        return {**document, "checksum": _checksum(document)}

    def to_json(self) -> str:
        """What `save` writes."""
        return json.dumps(self.to_dict(), indent=1) + "\n"

    @classmethod
    def from_dict(cls, data: object, *, where: str = "") -> Calibration:
        """The inverse of `to_dict`.

        Args:
            data: A parsed JSON document.
            where: Its file, for messages.

        Raises:
            FormatError: Another format, a newer version, or damaged data.
        """
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise FormatError("this is not a calibration", where=where, hint="make one with: ctxprune calibrate")
        if data.get("version") != VERSION:
            raise FormatError(
                f"the calibration has version {data.get('version')!r}, this library reads version {VERSION}",
                where=where,
                hint="make it anew, or install another version of the library",
            )
        document = {key: value for key, value in data.items() if key != "checksum"}
        try:
            # Against an edit by hand: a limit without its proof must not look like one.
            if data.get("checksum") != _checksum(document):
                _raise_damaged(where, "its checksum does not fit")
            values = {field.name: data[field.name] for field in fields(cls)}
            for name in ("scorer", "closure"):
                values[name] = Identity(**values[name])
            calibration = cls(**values)
            wrong = calibration._find_invalid()
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            _raise_damaged(where, repr(error))
        if wrong is not None:
            _raise_damaged(where, f"{wrong} is {values[wrong]!r}")
        return calibration

    def save(self, path: str | Path) -> None:
        """Write it as JSON, whole or not at all.

        Raises:
            InputError: The file cannot be written.
        """
        try:
            with draft_of(Path(path)) as draft:
                draft.write_text(self.to_json(), encoding="utf-8")
        except (OSError, ValueError) as error:
            raise InputError(f"the file cannot be written ({_reason(error)})", where=str(path)) from error

    @classmethod
    def load(cls, path: str | Path) -> Calibration:
        """Read what `save` wrote.

        Raises:
            InputError: The file cannot be read.
            FormatError: It holds something else, a newer version, or is damaged.
        """
        where = str(path)
        try:
            with Path(path).open("rb") as file:
                content = file.read(_LONGEST + 1)
        except (OSError, ValueError) as error:
            raise InputError(f"the file cannot be read ({_reason(error)})", where=where) from error
        if len(content) > _LONGEST:
            raise FormatError("this is not a calibration: the file is too large", where=where)
        try:
            data = json.loads(content.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise FormatError("this is not a calibration: no JSON", where=where) from error
        return cls.from_dict(data, where=where)

    def _find_invalid(self) -> str | None:
        """Name of a field that cannot be, if there is one."""
        shares = {"risk": self.risk, "bound": self.bound, "seen": self.seen, "kept_share": self.kept_share}
        optional = {"confidence": self.confidence, "left_out": self.left_out}
        shares |= {name: value for name, value in optional.items() if value is not None}
        valid = {name: is_number(value) and 0 <= value <= 1 for name, value in shares.items()}
        valid["limit"] = is_number(self.limit)
        valid["loss"] = self.loss in ("strict", "recall")
        valid["by"] = self.by in ("question", "left_out", "group")
        for name, count in (("n", self.n), ("groups", self.groups)):
            valid[name] = type(count) is int and count >= 0
        texts = {"measure": self.measure, "data": self.data}
        for name, who in (("scorer", self.scorer), ("closure", self.closure)):
            valid[name] = all(isinstance(text, str) for text in asdict(who).values())
        valid |= {name: isinstance(text, str) for name, text in texts.items()}
        return next((name for name, right in valid.items() if not right), None)


def _raise_damaged(where: str, why: str) -> NoReturn:
    raise FormatError(f"the calibration is damaged ({why})", where=where, hint="make it anew with: ctxprune calibrate")


def _checksum(document: object) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
