"""Caches pressed while they are read, on architectures that differ from Llama's: right, or refused with a reason."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.architectures import ARCHITECTURES, SCALED, build, hidden_tokens, table_rows  # noqa: E402
from kv.models import tokens  # noqa: E402
from kv.stepwise import difference  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import AdaKV, Decoding, Knorm, ObservedAttention, PrunedCache, SnapKV, StreamingLLM  # noqa: E402
from ctxprune.kv.cache.pruned_cache import can_press_all  # noqa: E402
from ctxprune.kv.model.attention import attentions_of  # noqa: E402
from ctxprune.kv.model.hooks import Hooks  # noqa: E402
from ctxprune.kv.reading.limits import RatioLimit  # noqa: E402
from ctxprune.kv.reading.stepwise import StepSession  # noqa: E402

# Notices of transformers about these tiny sizes and about kernels that are not installed.
pytestmark = pytest.mark.filterwarnings("ignore")
TABLE = table_rows()
IDS = tokens(48)
# A prompt over the budget, single tokens, and drafts of which three are rejected; then a second turn.
DRAFTS = [IDS[:, 27:31], 3]
WRITING = [IDS[:, :24], *IDS[:, 24:27].split(1, dim=1), *DRAFTS, *IDS[:, 28:34].split(1, dim=1), IDS[:, 34:42]]
CHUNKS = [*IDS[:, :36].split(12, dim=1), IDS[:, 36:41]]
# By the columns of the table.
PRESSES = {
    "keys": Knorm(),
    "places": StreamingLLM(),
    "window": SnapKV(window=4),
    "observed": ObservedAttention(),
    "ragged": AdaKV(SnapKV(window=4)),
}
# Each has something of its own: learned positions, MLA, sinks, NoPE, scaled queries, gates, hybrids, caps, windows.
OWN = [
    "cohere2",
    "deepseek_v3",
    "exaone4",
    "gemma2",
    "gemma3n_text",
    "gpt2",
    "gpt_neox",
    "gpt_oss",
    "jamba",
    "llama4_text",
    "ministral3",
    "olmo3",
    "opt",
    "qwen3_next",
    "smollm3",
]
# These compute attention in their own code, with biases by position.
BIASED = ["bloom", "mpt"]


def writing(model, press):
    return Decoding(press, every=4, budget=16)(model)


def chunked(model, press):
    return StepSession(model, press, RatioLimit(press), positions="original", storage=None, about={})


def check_logits(model, press):
    # Windows and states of linear attention cannot give rejected drafts back.
    parts = [part for part in WRITING if part is not DRAFTS[1]] if not can_press_all(model) else WRITING
    assert difference(model, writing(model, press), parts, hide=hidden_tokens) < 1e-5
    assert difference(model, chunked(model, press), CHUNKS, hide=hidden_tokens) < 1e-5


@pytest.mark.parametrize("name", OWN)
def test_logits(name):
    check_logits(build(name, **SCALED.get(name, {})), PRESSES["ragged"])


@pytest.mark.parametrize("name", BIASED)
def test_logits_with_biases_by_position(name):
    check_logits(build(name), PRESSES["keys"])


@pytest.mark.long
@pytest.mark.parametrize("column", list(PRESSES))
@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_logits_of_every_architecture(name, column):
    """What presses at once serve presses in steps serve, too, and what they refuse these refuse."""
    served = dict(
        zip(("keys", "places", "window", "expected", "KVzip", "observed", "ragged"), TABLE[name], strict=False)
    )
    try:
        check_logits(build(name), PRESSES[column])
    except UsageError:
        assert served[column] == "no"
    else:
        assert served[column] == "yes"


@dataclass(frozen=True)
class _Watching(SnapKV):
    """SnapKV that records the attention of the last token by which it scores."""

    seen: list = field(default_factory=list, compare=False)

    def score(self, view):
        self.seen.append((view.attention.layer, view.weights(self.window)[..., -1, :]))
        return super().score(view)


@torch.no_grad()
def check_choices(model, padding=0):
    """Between single tokens, every row: the last token's attention is what the model itself computed then."""
    ids, cache, compared = tokens(34, rows=2 if padding else 1), PrunedCache(model), 0
    mask = torch.ones_like(ids)
    mask[0, :padding] = 0
    press, theirs = _Watching(0.5, window=3), {}
    Decoding(press, every=4, budget=14)(model).begin(cache)
    hooks = Hooks()
    for each in attentions_of(model):
        hooks.after(each.module, lambda _, __, ___, output, layer=each.layer: theirs.update({layer: output[1]}))
    with hooks:
        for end in range(12, 35):
            start = 0 if end == 12 else end - 1
            before = dict(theirs)
            positions = (mask.cumsum(dim=-1) - 1).clamp(min=0)[:, start:end]
            model(ids[:, start:end], attention_mask=mask[:, :end], position_ids=positions, cache=cache)
            for layer, ours in press.seen:
                # A view of all rows, or of one row without padding and empty slots, which get no attention.
                whole = before[layer][..., -1, :].float()
                parts = [whole] if len(ours) == len(whole) else [each[None, :, each.amax(0) > 0] for each in whole]
                parts = [each / each.sum(dim=-1, keepdim=True) for each in parts if each.shape[-1] == ours.shape[-1]]
                shares = ours.flatten(1, 2) / ours.flatten(1, 2).sum(dim=-1, keepdim=True)
                assert min(float((shares - each).abs().max()) for each in parts) < 1e-5
                compared += len(ours)
            press.seen.clear()
    assert compared >= 4 * len(ids)


@pytest.mark.parametrize(
    "name", ["deepseek_v3", "gpt2", "gpt_oss", "llama4_text", "ministral3", "qwen3_next", "smollm3"]
)
def test_choices_are_by_the_attention_of_the_model(name):
    """Also where queries depend on their token's place: its column, and not its index among the tokens held."""
    check_choices(build(name, **SCALED.get(name, {})))


@pytest.mark.parametrize("name", ["gpt2", "llama4_text", "ministral3"])
def test_choices_in_rows_with_padding(name):
    """Llama 4 scales queries by columns, padding included, and Ministral 3 by positions."""
    model = build(name, **SCALED.get(name, {}))
    if name == "llama4_text":
        # Rows of chunked windows are not what is tested here.
        model.config.attention_chunk_size = 64
    check_choices(model, padding=5)


def read_in_steps(model, press, **options):
    with torch.no_grad(), Decoding(press, every=4, budget=16)(model, **options):
        cache = model(WRITING[0]).cache
        for part in WRITING[1:4]:
            model(part, cache=cache)


@pytest.mark.parametrize(
    ("name", "column", "reason"),
    [
        ("diffllama", "keys", "rearranges the heads"),
        ("bloom", "window", "computes attention in its own code"),
        ("beam", "window", "takes attention_scaling"),
        ("deepseek_v32", "keys", r"together with an index of all tokens in one layer \(DynamicIndexedLayer\)"),
        ("falcon_h1", "keys", "together with the states of a state-space model in one layer"),
    ],
)
def test_what_is_refused_at_once_is_refused_in_steps(name, column, reason):
    with pytest.raises(UsageError, match=reason):
        read_in_steps(build(name), PRESSES[column])


@pytest.mark.parametrize("name", ["deepseek_v3", "gpt2", "bloom"])
def test_positions_that_cannot_be_moved_are_refused(name):
    """Latents, learned positions and biases by position."""
    with pytest.raises(UsageError, match=r"no rotary embedding|caches latents"):
        read_in_steps(build(name), PRESSES["places"], positions="rerotated")
