"""Networks of any shape: layers with and without their parts, and the way from a network to a graph and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("onnx", reason="the train extra is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the train extra is not installed")

from ctxprune.errors import FormatError, InputError, UsageError  # noqa: E402
from ctxprune.models.pruner import bundled  # noqa: E402
from ctxprune.train.export import export_float  # noqa: E402
from ctxprune.train.export_int8 import export_int8  # noqa: E402
from ctxprune.train.graph_reader import read_network, word_bits  # noqa: E402
from ctxprune.train.int4_embeddings import int4_codes, round_to_int4  # noqa: E402
from ctxprune.train.product_codes import product_codes, round_to_product_codes  # noqa: E402
from ctxprune.train.pruner_network import EncoderShape, LayerShape, PrunerNetwork  # noqa: E402

ROUNDED = {4: round_to_int4, 3: round_to_product_codes}
LAYERS = (LayerShape(3, 24), LayerShape(0, 16), LayerShape(1, 0), LayerShape(0, 0))
UNSHRUNK, CANDIDATE = (
    Path(__file__).resolve().parents[2] / "benchmarks" / "models" / name for name in ("pruner-v1", "pruner-v3")
)
SHAPE = EncoderShape(vocabulary=60, positions=32, width=16, size=8, layers=LAYERS)


def network(shape: EncoderShape = SHAPE) -> PrunerNetwork:
    torch.manual_seed(0)
    made = PrunerNetwork(shape).eval()
    with torch.no_grad():
        for value in made.parameters():
            value.add_(torch.randn_like(value) * 0.2)
    return made


def tokens(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    ids = torch.from_numpy(rng.integers(1, 60, size=(2, 20)))
    types, mask = torch.ones_like(ids), torch.ones_like(ids)
    types[:, :5] = 0
    return ids, types, mask


def run(path: Path, inputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = {name: value.numpy() for name, value in zip(("ids", "types", "mask"), inputs, strict=True)}
    return session.run(["keep", "relevance"], {entry.name: given[entry.name] for entry in session.get_inputs()})


def test_graphs_give_the_last_states(tmp_path: Path) -> None:
    made, inputs = network(EncoderShape(60, 32, 16, 8, LAYERS, "gelu")), tokens()
    for write in (export_float, export_int8):
        write(made, tmp_path / "model.onnx")
        session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
        given = dict(zip(("ids", "types", "mask"), (entry[:1].numpy() for entry in inputs), strict=True))
        (states,) = session.run(["states"], {entry.name: given[entry.name] for entry in session.get_inputs()})
        assert states.shape == (*given["ids"].shape, made.shape.width)


@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_the_float_graph_equals_the_network_and_is_read_back(tmp_path: Path, activation: str) -> None:
    shape = EncoderShape(60, 32, 16, 8, LAYERS, activation)
    made, inputs = network(shape), tokens()
    export_float(made, tmp_path / "model.onnx")
    with torch.no_grad():
        exact = made(*inputs)
        back = read_network(tmp_path)
        again = back(*inputs)
    assert back.shape == shape
    for graph, own, other in zip(run(tmp_path / "model.onnx", inputs), exact, again, strict=True):
        np.testing.assert_allclose(graph, own.numpy(), atol=2e-4)
        np.testing.assert_allclose(other.numpy(), own.numpy(), atol=1e-5)


@pytest.mark.parametrize("words", [8, 4, 3])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_the_int8_graph_is_read_back_within_its_rounding(tmp_path: Path, activation: str, words: int) -> None:
    made, inputs = network(EncoderShape(60, 32, 16, 8, LAYERS, activation)), tokens()
    with torch.no_grad():
        if words in ROUNDED:
            made.words.weight.copy_(ROUNDED[words](made.words.weight))
        export_int8(made, tmp_path / "model.onnx", words=words)
        back = read_network(tmp_path)
        assert back.shape == made.shape
        torch.testing.assert_close(back.words.weight, made.words.weight, atol=0.02 if words == 8 else 1e-6, rtol=0)
        inputs = tuple(entry[:1] for entry in inputs)  # it takes one window
        exact, again = made(*inputs), back(*inputs)
    for graph, own, other in zip(run(tmp_path / "model.onnx", inputs), exact, again, strict=True):
        spread = float(own.std())
        assert np.abs(other.numpy() - own.numpy()).mean() < 0.2 * spread
        assert np.abs(graph - other.numpy()).mean() < 0.2 * spread


def test_words_are_of_four_or_eight_bits(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        export_int8(network(), tmp_path / "model.onnx", words=2)


@pytest.mark.parametrize("words", [8, 4, 3])
def test_a_graph_says_in_how_many_bits_its_words_are(tmp_path: Path, words: int) -> None:
    export_int8(network(EncoderShape(60, 32, 16, 8, LAYERS)), tmp_path / "model.onnx", words=words)
    assert word_bits(tmp_path) == words


def test_product_codes_come_near_and_are_their_own_rounding() -> None:
    torch.manual_seed(0)
    table = torch.randn(900, 10)  # no multiple of the size of a code vector
    codes = product_codes(table)
    near = codes.table()
    assert near.shape == table.shape
    assert (codes.codes.dtype, codes.codes.shape, codes.vectors.shape) == (torch.uint8, (900, 4), (4, 256, 3))
    # the error of 256 vectors for three normal numbers is about 5 %; of as many vectors at random, above 10 %
    assert float((near - table).square().mean()) < 0.07
    assert torch.equal(round_to_product_codes(near), near)


def test_product_codes_serve_rows_that_are_read_often_first() -> None:
    torch.manual_seed(0)
    table, counts = torch.randn(20_000, 3), torch.zeros(20_000)
    counts[:400] = 1e4
    errors = [float((round_to_product_codes(table, given) - table)[:400].square().mean()) for given in (None, counts)]
    assert errors[1] < 0.5 * errors[0]


def test_product_codes_of_few_rows_are_the_rows() -> None:
    table = torch.randn(5, 6).half().float()
    assert torch.equal(round_to_product_codes(table), table)
    assert product_codes(torch.zeros(0, 6)).table().shape == (0, 6)


def test_four_bits_come_near_and_are_their_own_rounding() -> None:
    torch.manual_seed(0)
    table = torch.randn(50, 256)
    near = round_to_int4(table)
    assert float((near - table).square().mean()) < 0.02
    torch.testing.assert_close(round_to_int4(near), near, atol=2e-3, rtol=1e-3)
    whole, scales = int4_codes(table)
    assert whole.dtype == torch.int8
    assert int(whole.min()) >= -8
    assert int(whole.max()) <= 7
    assert scales.shape == (50, 2)


@pytest.mark.parametrize("folder", [bundled(), UNSHRUNK, CANDIDATE], ids=["shipped", "unshrunk", "candidate"])
def test_the_models_of_this_repository_are_read_back(folder: Path) -> None:
    if not folder.is_dir():
        pytest.skip("the others are in the repository alone")
    ids, types, mask = tokens()
    ids = ids + 2000
    ids[:, 0], ids[:, 4], ids[:, -1] = 101, 102, 102
    back = read_network(folder)
    with torch.no_grad():
        again = back(ids[:1], types[:1], mask[:1])
    for graph, other in zip(run(folder / "model.onnx", (ids[:1], types[:1], mask[:1])), again, strict=True):
        assert np.abs(graph - other.numpy()).mean() < 0.5
        assert np.corrcoef(graph[0], other.numpy()[0])[0, 1] > 0.9


def test_a_part_that_is_not_there_adds_nothing() -> None:
    made = network(EncoderShape(60, 32, 16, 8, (LayerShape(0, 0),)))
    states = made.states(*tokens())
    layer = made.layers[0]
    torch.testing.assert_close(states[1], layer.norm(layer.attention_norm(states[0])))
    assert {name.partition(".")[0] for name, _ in layer.named_parameters()} == {"attention_norm", "norm"}


def test_shapes_go_to_plain_data_and_back() -> None:
    assert EncoderShape.from_dict(SHAPE.to_dict()) == SHAPE
    assert EncoderShape.uniform() == EncoderShape()
    assert EncoderShape.uniform(width=64, heads=4).size == 16
    with pytest.raises(FormatError):
        EncoderShape.from_dict({"layers": [[1]], "unknown": 2})


@pytest.mark.parametrize(
    "wrong", [{"size": 0}, {"activation": "tanh"}, {"layers": (LayerShape(-1, 2),)}, {"vocabulary": 0}]
)
def test_shapes_out_of_range(wrong: dict) -> None:
    with pytest.raises(UsageError):
        EncoderShape(**wrong)


def test_a_width_that_the_heads_do_not_divide_needs_a_size() -> None:
    with pytest.raises(UsageError):
        EncoderShape.uniform(width=32, heads=3)
    assert EncoderShape.uniform(width=32, heads=3, size=8).layers[0].heads == 3


def test_no_graph_and_no_pruner(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_network(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"\x00nothing")
    with pytest.raises(FormatError):
        read_network(tmp_path)


@pytest.mark.parametrize("value", [65505.0, float("inf"), float("nan")])
def test_a_table_that_float16_does_not_hold_is_refused(value: float):
    with pytest.raises(UsageError, match="float16"):
        product_codes(torch.tensor([[0.0, value]]))
