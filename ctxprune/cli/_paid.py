"""Prices and limits of a paid endpoint, as options of a command or as environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ctxprune.llm.base import ChatModel

__all__ = ["Paid"]


@dataclass(frozen=True)
class Paid:
    """What was said of a paid endpoint; None for what the environment says, if anything.

    Attributes:
        price_in, price_out: Per million tokens of prompts and of answers ($CTXPRUNE_PRICE_IN, $CTXPRUNE_PRICE_OUT).
        rpm: Requests a minute ($CTXPRUNE_RPM).
        tpm: Tokens a minute ($CTXPRUNE_TPM).
    """

    price_in: float | None = None
    price_out: float | None = None
    rpm: int | None = None
    tpm: int | None = None

    def around(self, model: ChatModel) -> ChatModel:
        """`model` with these limits and prices, and with tries again where a failure passes by itself.

        Raises:
            typer.BadParameter: A number is out of its range.
        """
        from ctxprune.llm.limited import CallLimits, LimitedModel, Prices

        price_in, price_out = _number(self.price_in, "PRICE_IN"), _number(self.price_out, "PRICE_OUT")
        rpm, tpm = (_whole(number, name) for number, name in ((self.rpm, "RPM"), (self.tpm, "TPM")))
        prices = None if price_in is None and price_out is None else Prices(price_in or 0.0, price_out or 0.0)
        return LimitedModel(model, CallLimits(requests_per_minute=rpm, tokens_per_minute=tpm), prices)

    def refuse(self, generator: str) -> None:
        """Says that `generator` is no server, where options spoke of one; what the environment says is passed over.

        Raises:
            typer.BadParameter: A price or a limit was given.
        """
        for field in fields(self):
            if getattr(self, field.name) is not None:
                option = f"--{field.name.replace('_', '-')}"
                raise typer.BadParameter(f"{generator!r} is no server (chat:URL)", param_hint=option)


def _number(given: float | None, name: str) -> float | None:
    text = os.environ.get(f"CTXPRUNE_{name}", "")
    if given is not None or not text:
        return given
    try:
        return float(text)
    except ValueError as error:
        raise typer.BadParameter(f"it is {text!r}, not a number", param_hint=f"CTXPRUNE_{name}") from error


def _whole(given: int | None, name: str) -> int | None:
    number = _number(given, name)
    if number is not None and (number < 1 or not float(number).is_integer()):
        raise typer.BadParameter(f"it is {number:g}, not a whole number from 1", param_hint=f"CTXPRUNE_{name}")
    return None if number is None else int(number)
