"""Tiny decoders made once; they run fastest on one thread, and two test processes would fight for the cores."""

from __future__ import annotations

import pytest

try:
    import torch
except ModuleNotFoundError:  # every test here says so itself
    pass
else:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def decoders():
    """Decoders by (name, attention, dtype), made once."""
    from kv.models import decoder

    made = {}

    def get(name: str, attention: str = "sdpa", dtype=torch.float32):
        if (name, attention, dtype) not in made:
            made[name, attention, dtype] = decoder(name, attention).to(dtype)
        return made[name, attention, dtype]

    return get
