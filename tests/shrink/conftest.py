"""Tiny models run fastest on one thread, and two test processes would fight for the cores."""

from __future__ import annotations

try:
    import torch
except ModuleNotFoundError:  # every test here says so itself
    pass
else:
    torch.set_num_threads(1)
