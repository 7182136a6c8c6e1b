"""Prune what enters a language model's context to what the question needs, and account for the rest.

    from ctxprune import TokenBudget, prune
    from ctxprune.rag import Passage

    result = prune("Who wrote it?", Passage(text), policy=TokenBudget(200))
    result.output, result.tokens_before, result.tokens_after

Names are imported when they are first used, so that `import ctxprune` costs next to nothing.
"""

import lazy_loader

from ctxprune import _moved

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_moved.install()
