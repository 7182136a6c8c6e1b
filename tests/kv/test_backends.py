"""Storages fitted by hqq and optimum-quanto: the packages themselves where they are installed, else what stands in."""

from __future__ import annotations

import sys
import warnings
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import tokens  # noqa: E402

from ctxprune.errors import MissingExtraError, UsageError  # noqa: E402
from ctxprune.kv import Hqq, Kivi, PrunedCache, Quanto, Random, compress  # noqa: E402
from ctxprune.kv.cache.store import Counts  # noqa: E402

COUNTS = Counts.of(torch.tensor([[90, 40]]))
MODULES = {Hqq: "hqq.core.quantize", Quanto: "optimum.quanto"}


class _Quantizer:
    @staticmethod
    def quantize(tensor, *, nbits, group_size, axis, bitpack, compute_dtype, device):
        assert (group_size, axis, bitpack, device) == (None, 1, False, "cpu")
        low, high = tensor.amin(axis, keepdim=True), tensor.amax(axis, keepdim=True)
        scale = (2**nbits - 1) / (high - low)
        return None, {"scale": 1 / scale, "zero": -low * scale}


class _MaxOptimizer:
    def __call__(self, tensor, kind, axis):
        assert axis == 0
        low, high = tensor.amin(1, keepdim=True), tensor.amax(1, keepdim=True)
        return (high - low) / (2**kind - 1), -low


STAND_INS = {
    Hqq: SimpleNamespace(Quantizer=_Quantizer),
    Quanto: SimpleNamespace(MaxOptimizer=_MaxOptimizer, qint4=4, qint2=2),
}


@pytest.fixture
def standing_in(monkeypatch):
    for kind, name in MODULES.items():
        monkeypatch.setitem(sys.modules, name, STAND_INS[kind])


@pytest.fixture(params=[Hqq, Quanto], ids=["hqq", "quanto"])
def installed(request):
    """A storage whose package is there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the package's own imports
        pytest.importorskip(MODULES[request.param])
    return request.param


def numbers():
    made = torch.Generator().manual_seed(0)
    spread = torch.randn(COUNTS.total, 32, generator=made) * torch.rand(32, generator=made) * 4
    return spread + torch.randn(32, generator=made) * 10


def errors(storage):
    flat = numbers()
    return [(part.unpack(COUNTS) - flat).abs() for part in storage.pack(flat, flat, COUNTS)]


@pytest.mark.parametrize("kind", [Hqq, Quanto])
@pytest.mark.parametrize("bits", [4, 2])
@pytest.mark.usefixtures("standing_in")
def test_ends_of_the_package_are_used(kind, bits):
    for ours, plain in zip(errors(kind(bits)), errors(Kivi(bits)), strict=True):
        assert (ours - plain).abs().max() <= 1e-2 * plain.max()
    assert kind(bits).nbytes(100, 64, 2) == Kivi(bits).nbytes(100, 64, 2)


@pytest.mark.parametrize("kind", [Hqq, Quanto])
@pytest.mark.usefixtures("standing_in")
def test_saved_caches_need_no_package(decoders, kind, tmp_path, monkeypatch):
    model, context = decoders("llama"), tokens(60)
    cache = compress(model, context, Random(0.4), storage=kind(4, group=16, residual=4))
    cache.save(tmp_path / "c.safetensors")
    monkeypatch.setitem(sys.modules, MODULES[kind], None)
    loaded = PrunedCache.load(tmp_path / "c.safetensors", model)
    new = tokens(5, seed=1)
    with torch.no_grad():
        assert torch.equal(model(new, cache=loaded).logits, model(new, cache=cache).logits)


@pytest.mark.parametrize("kind", [Hqq, Quanto])
def test_missing_package_says_how_to_install_it(kind, monkeypatch):
    monkeypatch.setitem(sys.modules, MODULES[kind], None)
    with pytest.raises(MissingExtraError, match=r"\[kv-backends\]"):
        kind(4)


@pytest.mark.usefixtures("standing_in")
def test_parameters_are_checked():
    with pytest.raises(UsageError, match="bits is 8"):
        Quanto(8)
    with pytest.raises(UsageError, match="bits is 3"):
        Hqq(3)
    with pytest.raises(UsageError, match="group"):
        Hqq(4, group=20)


@pytest.mark.usefixtures("standing_in")
@pytest.mark.parametrize("kind", [Hqq, Quanto])
def test_few_tokens_have_no_groups(kind):
    counts = Counts.of(torch.tensor([[3, 1]]))
    flat = numbers()[:4]
    assert all(torch.equal(part.unpack(counts), flat) for part in kind(4).pack(flat, flat, counts))


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_real_package_gives_its_own_numbers(installed, bits):
    if installed is Quanto and bits == 8:
        pytest.skip("quanto has no low end at 8 bits")
    flat = numbers()[:64]
    counts, groups = Counts.of(torch.tensor([[64]])), flat.T.reshape(-1, 32)
    keys, _ = installed(bits, residual=0).pack(flat, flat, counts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = _theirs(installed, groups, bits).view(32, 64).T
    # a code may differ where a number is in the middle between two: by the rounding of the ends to 16 bits
    step = keys.step.float().expand(2, 32, 32).reshape(64, 32)
    apart = (keys.unpack(counts) - theirs).abs() / step
    assert apart.max() <= 1.2
    assert apart.median() < 0.1 * (2**bits) / 16 + 0.05
    assert (keys.unpack(counts) - flat).abs().mean() <= (theirs - flat).abs().mean() * 1.02


def _theirs(kind, groups, bits):
    if kind is Hqq:
        from hqq.core.quantize import Quantizer

        codes, found = Quantizer.quantize(groups, nbits=bits, group_size=None, axis=1, bitpack=False, device="cpu")
        return Quantizer.dequantize(codes, {**found, "compute_dtype": torch.float32})
    from optimum import quanto

    sort = quanto.qint4 if bits == 4 else quanto.qint2
    step, shift = quanto.MaxOptimizer()(groups, sort, 0)
    return quanto.quantize_weight(groups, sort, 0, step, shift, 32).dequantize()


def test_hqq_has_smaller_errors_than_the_ends_alone(installed):
    if installed is Quanto:
        for ours, plain in zip(errors(Quanto(4)), errors(Kivi(4)), strict=True):
            assert torch.equal(ours, plain)
        return
    for ours, plain in zip(errors(Hqq(4)), errors(Kivi(4)), strict=True):
        assert ours.mean() < plain.mean()
