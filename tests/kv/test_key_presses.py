"""Presses that look at keys and values alone: LagKV by a slow loop, Q-Filters by singular vectors."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import DECODERS, decoder, tokens  # noqa: E402

from ctxprune.errors import FormatError, InputError, UsageError  # noqa: E402
from ctxprune.kv import LagKV, QFilter, QFilters, compress, learn_filters, prefill  # noqa: E402

N = 60


def spread(block, following):
    """Deviation over channels of each token (list of lists), each channel measured by its range in the next block."""
    lows, highs = ([pick(column) for column in zip(*following, strict=True)] for pick in (min, max))
    found = []
    for token in block:
        scaled = [(value - low) / (high - low or 1) for value, low, high in zip(token, lows, highs, strict=True)]
        middle = sum(scaled) / len(scaled)
        found.append(math.sqrt(sum((each - middle) ** 2 for each in scaled) / (len(scaled) - 1)))
    total = sum(math.exp(each) for each in found)
    return [math.exp(each) / total for each in found]


@pytest.mark.parametrize(("sinks", "lag"), [(4, 12), (0, 7), (3, 28)])
def test_lag_ranks_are_those_of_a_loop(decoders, sinks, lag):
    view = prefill(decoders("qwen3"), tokens(N)).views[2]
    scores = LagKV(sinks=sinks, lag=lag).score(view)[0]
    blocks = (N - sinks) // lag
    for head in range(2):
        keys, values = view.keys[0, head].tolist(), view.values[0, head].tolist()
        for number in range(blocks - 1):
            start = sinks + number * lag
            one, two = slice(start, start + lag), slice(start + lag, start + 2 * lag)
            both = [a + b for a, b in zip(spread(keys[one], keys[two]), spread(values[one], values[two]), strict=True)]
            ranks = [sum(other < own for other in both) for own in both]
            assert scores[head, one].mul(lag).round().tolist() == ranks
        assert (scores[head, :sinks] > 2).all()
        tail = scores[head, sinks + (blocks - 1) * lag :]
        assert (tail.diff() > 0).all()
        assert tail[0] >= 1


def test_each_block_keeps_an_equal_share(decoders):
    view = prefill(decoders("llama"), tokens(N)).views[0]
    chosen = LagKV(0.3, lag=12).plan(view).chosen[0]  # 42 of 60: 4 sinks, 20 behind the last ranked block, 18 of 36
    assert chosen[:, :4].all()
    assert chosen[:, 40:].all()
    assert (chosen[:, 4:40].unflatten(1, (3, 12)).sum(dim=-1) == 6).all()


@pytest.mark.parametrize(
    ("count", "kept"), [(1, [0]), (4, [0, 1]), (10, [0, 1, 2, 3, 9]), (27, [*range(4), *range(18, 27)])]
)
def test_short_contexts_keep_sinks_and_the_last_tokens(decoders, count, kept):
    cache = compress(decoders("llama"), tokens(count), LagKV(0.5, lag=12))
    assert cache.layers[1].kept.columns.view(2, -1).tolist() == [kept, kept]


def test_channels_that_do_not_vary_give_no_nan(decoders):
    view = prefill(decoders("llama"), tokens(N)).views[0]
    flat = replace(view, keys=torch.ones_like(view.keys), values=torch.zeros_like(view.values))
    scores = LagKV(0.5, lag=12).score(flat)
    assert scores.isfinite().all()
    assert scores[0, 0, 4:16].mul(12).round().tolist() == [*range(11, -1, -1)]  # ties: the earlier token


@pytest.mark.parametrize("kind", list(DECODERS))
def test_filters_are_singular_vectors_turned_away_from_the_mean_query(decoders, kind):
    model = decoders(kind)
    batches = [tokens(40, rows=2, seed=3), tokens(30, seed=4)]
    filters = learn_filters(model, batches)
    for order in range(len(filters.directions)):
        reads = [prefill(model, ids).views[order] for ids in batches]
        with torch.no_grad():
            queries = torch.cat([view.queries().transpose(0, 1).flatten(1, 2) for view in reads], dim=1)
        ones = []
        for head in queries:
            _, _, right = torch.linalg.svd(head, full_matrices=False)
            first = right[0]
            ones.append(-first if float(first @ head.mean(dim=0)) > 0 else first)
        means = torch.stack(ones).view(*filters.directions.shape[1:2], -1, queries.shape[-1]).mean(dim=1)
        assert torch.allclose(filters.directions[order], means, atol=2e-3)


def test_scores_are_high_where_queries_look():
    model = decoder("qwen2")
    torch.manual_seed(0)
    for layer in model.model.layers:  # queries that share a direction, as those of trained models do
        shared = torch.randn(2, 1, 12).expand(2, 2, 12).reshape(-1)
        layer.self_attn.q_proj.bias.data = 2 * shared
    filters = learn_filters(model, [tokens(200, seed=5)])
    view = prefill(model, tokens(N)).views[1]
    with torch.no_grad():
        grouped = view.queries().view(1, 2, 2, N, 12)
        wanted = (grouped @ view.keys[:, :, None].mT).mean(dim=(2, 3))  # the scale does not matter
        scores = QFilter(filters=filters).score(view)
    for head in range(2):
        assert torch.corrcoef(torch.stack([wanted[0, head], scores[0, head]]))[0, 1] > 0.8


def test_the_projection_is_minus_the_product(decoders):
    view = prefill(decoders("llama"), tokens(N)).views[1]
    directions = torch.randn(3, 2, 12, generator=torch.Generator().manual_seed(1))
    scores = QFilter(filters=QFilters(directions)).score(view)
    for head in range(2):
        expected = [-float(key @ directions[1, head]) for key in view.keys[0, head]]
        assert scores[0, head].tolist() == pytest.approx(expected, abs=1e-5)


def test_filters_go_to_disk_and_back_for_their_own_model(decoders, tmp_path):
    model, path = decoders("llama"), tmp_path / "filters.safetensors"
    filters = learn_filters(model, [tokens(30)])
    filters.save(path)
    again = QFilters.load(path, model)
    assert torch.equal(again.directions, filters.directions)
    assert again.model == filters.model
    one, two = (compress(model, tokens(N), QFilter(0.5, each)) for each in (filters, again))
    assert torch.equal(one.layers[0].kept.columns, two.layers[0].kept.columns)
    with pytest.raises(InputError, match="filters were made for another model"):
        QFilters.load(path, decoders("qwen3"))
    with pytest.raises(InputError, match="no such filters"):
        QFilters.load(tmp_path / "none", model)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FormatError, match="not a whole safetensors file"):
        QFilters.load(path, model)
    with pytest.raises(InputError, match="cannot write"):
        filters.save(tmp_path / "no" / "folder")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_file_of_another_kind_is_refused(decoders, tmp_path):
    cache = compress(decoders("llama"), tokens(10), LagKV(0.5))
    cache.save(tmp_path / "cache")
    with pytest.raises(FormatError, match="no filters"):
        QFilters.load(tmp_path / "cache", decoders("llama"))


def test_without_fitting_filters_the_error_says_what_to_do(decoders):
    model = decoders("llama")
    with pytest.raises(UsageError, match="needs filters"):
        compress(model, tokens(N), QFilter(0.5))
    with pytest.raises(UsageError, match="this model has"):
        compress(model, tokens(N), QFilter(0.5, QFilters(torch.ones(3, 2, 16))))
    with pytest.raises(UsageError, match="another shape"):
        QFilters(torch.ones(2, 16))
    with pytest.raises(UsageError, match="no ids"):
        learn_filters(model, [])


@pytest.mark.parametrize("options", [{"sinks": -1}, {"lag": 1}, {"lag": 2.0}])
def test_parameters_out_of_range_are_named(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        LagKV(0.5, **options)
