"""Forward hooks on the modules of one model that are removed together, and are not active in copies of the model."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from torch import nn
    from torch.utils.hooks import RemovableHandle

__all__ = ["Hooks"]

_LOCK = threading.Lock()  # torch counts its hooks up without a lock of its own


class Hooks:
    """A set of forward hooks; as a context manager it removes them at its end.

    Pre-hooks are called with (module, args, kwargs), hooks after the forward also with the output.
    """

    def __init__(self) -> None:
        self._held: list[tuple[_Hook, RemovableHandle]] = []

    def before(self, module: nn.Module, act: Callable[..., Any]) -> None:
        """Call `act` before each forward of `module`; it may return other (args, kwargs)."""
        hook = _Hook(act)
        with _LOCK:
            self._held.append((hook, module.register_forward_pre_hook(hook, with_kwargs=True)))

    def after(self, module: nn.Module, act: Callable[..., Any], *, always: bool = False) -> None:
        """Call `act` after each forward of `module`; with `always` also after a failed one, with None as the output."""
        hook = _Hook(act)
        with _LOCK:
            self._held.append((hook, module.register_forward_hook(hook, with_kwargs=True, always_call=always)))

    def remove(self) -> None:
        """Remove all hooks; a second call has no effect."""
        held, self._held = self._held, []
        for hook, handle in held:
            # A call in another thread may have fetched it before the removal.
            hook.act = _do_nothing
            handle.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class _Hook:
    def __init__(self, act: Callable[..., Any]) -> None:
        self.act = act

    def __call__(self, *given: Any) -> Any:
        return self.act(*given)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copied or pickled model gets a hook that does nothing: the callback belongs to the original."""
        return _Hook, (_do_nothing,)


def _do_nothing(*_: Any) -> None:
    return None
