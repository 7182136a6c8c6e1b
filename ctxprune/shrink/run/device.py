"""Devices that torch has here."""

from __future__ import annotations

import torch

from ctxprune.errors import UsageError


def choose_device(name: str) -> str:
    """torch's name of a device: of "auto" the first of CUDA, MPS and the CPU that is here.

    Raises:
        UsageError: The device is not here, or torch knows none of that name.
    """
    here = ["cpu"]
    if torch.backends.mps.is_available():
        here.insert(0, "mps")
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    here[:0] = [f"cuda:{number}" for number in range(cards)]
    if name == "auto":
        return here[0]
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"device is {name!r}", hint=f"auto, or one of {', '.join(here)}") from error
    wanted = "cuda:0" if str(device) == "cuda" else str(device)
    if wanted not in here and not (device.type != "cuda" and device.type in here and not device.index):
        raise UsageError(f"there is no device {name!r} here", hint=f"auto, or one of {', '.join(here)}")
    return str(device)
