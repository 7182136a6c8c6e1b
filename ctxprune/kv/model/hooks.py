"""Hooks on the modules of one model that come and go together, and that copies of the model do not have."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from torch import nn
    from torch.utils.hooks import RemovableHandle

__all__ = ["Hooks"]

_LOCK = threading.Lock()  # torch numbers hooks without one


class Hooks:
    """Forward hooks that are removed together; a context manager that removes them at its end.

    Each is called as torch calls hooks with keywords: (module, args, kwargs) before, and the output behind these after.
    """

    def __init__(self) -> None:
        self._held: list[tuple[_Hook, RemovableHandle]] = []

    def before(self, module: nn.Module, act: Callable[..., Any]) -> None:
        """Call `act` before each forward of `module`; it may return other (args, kwargs)."""
        hook = _Hook(act)
        with _LOCK:
            self._held.append((hook, module.register_forward_pre_hook(hook, with_kwargs=True)))

    def after(self, module: nn.Module, act: Callable[..., Any], *, always: bool = False) -> None:
        """Call `act` after each forward of `module`; `always` also after one that failed, with None for the output."""
        hook = _Hook(act)
        with _LOCK:
            self._held.append((hook, module.register_forward_hook(hook, with_kwargs=True, always_call=always)))

    def remove(self) -> None:
        """Take all away; a second time there is nothing to do."""
        held, self._held = self._held, []
        for hook, handle in held:
            hook.act = _do_nothing  # a call under way in another thread may have it in hand
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
        """A copied or stored model keeps a hook that does nothing: what acted belongs to the first one."""
        return _Hook, (_do_nothing,)


def _do_nothing(*_: Any) -> None:
    return None
