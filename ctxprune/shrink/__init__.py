"""The shrink backend: score -> allocate -> remove -> compensate -> recover, as recipes over registered pieces.

    from ctxprune.shrink import Target, load_model, load_recipe, prepare, save_model, shrink

    loaded = load_model("reranker")
    data = prepare(loaded, "pairs.jsonl")
    shrunk = shrink(data.subject, load_recipe("fisher_knapsack"), Target("flops", 0.5))
    save_model(loaded.with_model(shrunk.subject.model), "small")

Names are imported when they are first used (`__init__.pyi` lists them), and need the train extra.
"""

from typing import Any

import lazy_loader

from ctxprune.utils.extras import require

_import_name, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Checked here rather than where torch is imported: the message then names the extra and how to install it.
    require("torch", "train")
    return _import_name(name)
