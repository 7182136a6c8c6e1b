"""Sessions and reading in which caches are pressed in steps: while tokens are written, or chunk by chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.cache.masks import begin_step, is_claimed, steps_of, two_presses
from ctxprune.kv.cache.positions import check_positions
from ctxprune.kv.cache.pruned_cache import PrunedCache, check_pressable, prepare_layers
from ctxprune.kv.cache.store import check_storage
from ctxprune.kv.model.attention import attentions_of, bind_arguments, cache_argument_name, decoder_of, find_argument
from ctxprune.kv.model.hooks import Hooks
from ctxprune.kv.model.inputs import check_vocabulary, positions_of
from ctxprune.kv.model.rotary import Rotary
from ctxprune.kv.reading.layer_press import LayerPress
from ctxprune.kv.reading.steps import StepPress
from ctxprune.utils.foreign import optional_member
from ctxprune.utils.validation import describe_type

if TYPE_CHECKING:
    from types import TracebackType

    from torch import Tensor, nn

    from ctxprune.kv.cache.store import Storage
    from ctxprune.kv.reading.limits import Limit

__all__ = ["StepSession", "check_step_press"]


def check_step_press(name: str, press: object, hint: str = "") -> LayerPress:
    """The press; raises UsageError, which says why, unless it can choose again among the tokens that it kept."""
    if not isinstance(press, LayerPress):
        raise UsageError(f"{name} got {describe_type(press)}", hint=f"a press, such as {name}(StreamingLLM())")
    inner = type(press).__name__
    if press.outermost:
        reason, other = "plans layers as a whole", f"{name} has budgets of its own: budget= or nbytes="
    elif press.joint:
        reason, other = "plans all layers together, after the last one", "a press that plans each layer alone"
    elif press.edits:
        reason, other = "changes keys or values, and would change them again at each press", "a press that only drops"
    elif press.query_window is None:
        reason, other = (
            "scores tokens by the whole context at once",
            "StreamingLLM, Knorm, KeyDiff, LagKV, QFilter, Tova, SnapKV, ObservedAttention, Random, or AdaKV of one",
        )
    else:
        return press
    raise UsageError(f"{inner} cannot press in steps: it {reason}", hint=hint or other)


def prepare_steps(
    model: nn.Module, press: LayerPress, limit: Limit, *, positions: str, storage: Storage | None
) -> StepPress:
    """The `StepPress` for caches of a model; raises UsageError where the model or an option is not supported."""
    check_storage(storage)
    check_positions(positions, model)
    return StepPress(press, limit, storage, Rotary(model) if positions == "rerotated" else None)


class StepSession:
    """Presses every cache that a model begins to fill, in steps; a context manager that can be entered again.

    Caches begun inside are pressed later as well, whenever the model reads on.

    Args:
        model: A decoder of transformers.
        press: Chooses the tokens to keep.
        limit: When a layer is pressed, and how many tokens it keeps.
        positions: "original" or "rerotated".
        storage: How kept tokens are stored; None: unpacked.
        about: Description of the press, for the caches.

    Raises:
        UsageError: The model or an option is not supported.
    """

    def __init__(
        self,
        model: nn.Module,
        press: LayerPress,
        limit: Limit,
        *,
        positions: str,
        storage: Storage | None,
        about: dict[str, Any],
    ) -> None:
        self.model, self.about = model, about
        self.steps = prepare_steps(model, press, limit, positions=positions, storage=storage)
        self._modules = [each.module for each in attentions_of(model)]
        self._open: list[Hooks] = []

    def __enter__(self) -> None:
        hooks = Hooks()
        hooks.before(decoder_of(self.model), self._begin_call)
        self._open.append(hooks)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._open:
            raise UsageError("this session is not open", hint="`with session:` enters and leaves it")
        self._open.pop().remove()

    def begin(self, cache: Any) -> None:
        """Press an empty cache in steps from now on.

        Raises:
            UsageError: It holds tokens, or is of a kind that cannot be pressed, or has no layer that can, or another
                session presses it.
        """
        prepare_layers(cache, self.model)
        check_pressable(cache, self.model)
        held = steps_of(cache)
        if is_claimed(cache) or (held is not None and held is not self.steps):
            raise two_presses()
        cache.steps = self.steps
        for layer in cache.layers:
            if isinstance(layer, PrunedLayer):
                layer.stepped = True
        cache.press = dict(self.about)

    def read(self, ids: Tensor, mask: Tensor | None, chunk: int | None) -> PrunedCache:
        """A new cache that has read these ids, (batch, n), `chunk` tokens at a time; None: all at once.

        Raises:
            UsageError: There is padding on the right, or an id has no embedding.
            BudgetError: A budget does not hold.
        """
        check_vocabulary(self.model, ids)
        decoder, cache = decoder_of(self.model), PrunedCache(self.model)
        self.begin(cache)
        positions = None if mask is None else positions_of(mask)
        size = chunk or ids.shape[1]
        for start in range(0, ids.shape[1], size):
            part = slice(start, start + size)
            given: dict[str, Any] = {cache_argument_name(decoder): cache}
            if mask is not None and positions is not None:
                given |= {"attention_mask": mask[:, : part.stop], "position_ids": positions[:, part]}
            decoder(input_ids=ids[:, part], use_cache=True, **given)
        return cache

    def _begin_call(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        cache = find_argument(module, "cache", args, kwargs)
        if cache is not None and steps_of(cache) is None and cache.get_seq_length():
            # to leave it alone would let it grow past a budget without a word
            raise UsageError(
                "this cache holds tokens that were not read under Decoding",
                hint="give an empty PrunedCache(model), or one of compress(model, ids, Decoding(...))",
            )
        if cache is not None and (steps_of(cache) is self.steps or cache.get_seq_length()):
            return None
        use = find_argument(module, "use_cache", args, kwargs)
        if use is False or (use is None and not optional_member(self.model.config, "use_cache", True)):
            return None
        made = None
        if cache is None:
            made = cache = PrunedCache(self.model)
        self.begin(cache)
        given = {**bind_arguments(module, args, kwargs), cache_argument_name(module): cache}
        # The hooks of the cache, added just now, do not run before this call.
        begin_step(self._modules, module, (), given)
        return None if made is None else ((), given)
