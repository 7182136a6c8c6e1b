"""Pruning of KV caches: presses, wrappers and budgets, quantised storage, exact reuse.

    from ctxprune.kv import Kivi, SnapKV, compress

    cache = compress(model, context, SnapKV(0.75), storage=Kivi(bits=4))
    answer = model.generate(torch.cat([context, question], dim=1), cache=cache)

or around any code that calls the model:

    with SnapKV(0.75)(model):
        answer = model.generate(ids)

Names are imported when they are first used (`__init__.pyi` lists them), and need the train extra.
"""

import warnings
from typing import Any

import lazy_loader

from ctxprune.utils.extras import require

_import_name, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_RENAMED = {"Decode": "DecodeCost", "Drafted": "DraftResult", "Measured": "Measurement"}


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        message = f"ctxprune.kv.{name} is now {_RENAMED[name]}; the old name will be removed in version 0.3"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        name = _RENAMED[name]
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Checked here rather than where torch is imported: the message then names the extra and how to install it.
    require("torch", "train")
    return _import_name(name)
