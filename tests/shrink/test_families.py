"""The matrix of families: recipes for each kind of unit on a tiny model of every architecture, written and read back.

What a recipe does to trained models is tested in `test_recipes`; here it is the architecture that is tested.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
transformers = pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import folders, models  # noqa: E402

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.shrink.io.export import check_exportable, export_onnx  # noqa: E402
from ctxprune.shrink.io.loading import KINDS, load_model  # noqa: E402
from ctxprune.shrink.io.manifest import MANIFEST  # noqa: E402
from ctxprune.shrink.io.saving import save_model  # noqa: E402
from ctxprune.shrink.model.cost import Target  # noqa: E402
from ctxprune.shrink.model.families import family_of  # noqa: E402
from ctxprune.shrink.model.subject import Subject  # noqa: E402
from ctxprune.shrink.model.surgery import level_parts, remove  # noqa: E402
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder  # noqa: E402
from ctxprune.shrink.model.tasks.yes_no import YesNo  # noqa: E402
from ctxprune.shrink.recipes.recipe import Piece, Recipe, Stage, load_recipe  # noqa: E402
from ctxprune.shrink.run.runner import shrink  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

MAKERS = {
    "bert": models.bert,
    "deberta": models.deberta,
    "deberta_apart": models.deberta_apart,
    "electra": models.electra,
    "electra_small": models.electra_small,
    "gte": models.gte,
    "mamba": models.mamba,
    "mamba2": models.mamba2,
    "mistral": models.mistral,
    "mixtral": models.mixtral,
    "modernbert": models.modernbert,
    "modernbert_model": models.modernbert_model,
    "nomic": models.nomic,
    "qwen2": models.qwen2,
    "qwen2_moe": models.qwen2_moe,
    "qwen3": models.qwen3,
    "qwen3_moe": models.qwen3_moe,
    "qwen3_reranker": models.qwen3_reranker,
    "roberta": models.roberta,
    "xlm_roberta": models.xlm_roberta,
}
RECIPES = {
    ("head", "neuron"): load_recipe("flap.v1"),
    ("layer",): load_recipe("shortgpt.v1"),
    ("sublayer",): load_recipe("finercut.v1"),
    ("weight",): load_recipe("wanda.v1"),
    ("ssm_head",): load_recipe("ssm_flap.v1"),
    ("channel", "state"): load_recipe("ssm_state.v1"),
    ("expert",): load_recipe("expert_dropping.v1"),
    ("width",): Recipe(
        "width", "", "", (Stage(("width",), Piece("activation_norm.v1"), Piece("lowest.v1")),), models=("encoder",)
    ),
}
"""By the units that they take; what takes heads takes groups of heads, too."""
NORMED = ("modernbert", "modernbert_model")
"""Whose first layer has no norm before its attention, as another one that takes its place has."""


def units_of(name: str) -> set[str]:
    kinds = {key[0] for key in family_of(MAKERS[name]()).describe(MAKERS[name]()).groups}
    return kinds | {"weight"} | ({"head"} if "kv_group" in kinds else set())


CASES = [(name, units) for name in MAKERS for units in RECIPES if set(units) <= units_of(name)]


def loaded_of(name: str, folder: Path):
    return load_model(folders.write(folder / "full", MAKERS[name]()))


def check_read_back(loaded, small, folder: Path, batch: dict, *, plain: bool | None) -> None:
    """Written and read back the outputs are equal, by transformers alone, too, where the shapes allow it."""
    place = save_model(loaded.with_model(small), folder / "small")
    uniform = json.loads((place / MANIFEST).read_text("utf-8"))["uniform"]
    found = [load_model(place).model]
    if plain is not None:
        assert uniform is plain
    if uniform:
        found.append(getattr(transformers, KINDS[loaded.kind]).from_pretrained(place, local_files_only=True).eval())
    with torch.no_grad():
        wanted = loaded.task.output(small, batch)
        assert torch.isfinite(wanted).all()
        for model in found:
            assert torch.equal(loaded.task.output(model, batch), wanted)


@pytest.mark.parametrize(("name", "units"), CASES, ids=[f"{name}-{'-'.join(units)}" for name, units in CASES])
def test_units_of_a_family_go_and_the_rest_is_read_back(name: str, units: tuple[str, ...], tmp_path: Path):
    loaded, recipe = loaded_of(name, tmp_path), RECIPES[units]
    if units == ("weight",) and "expert" in units_of(name):
        recipe = load_recipe("moe_pruner.v1")
    batches = models.batches(2, labels=loaded.kind != "decoder")
    keep = 0.95 if "expert" in units else 0.7
    found = shrink(Subject(loaded.model, loaded.task, batches), recipe, Target(recipe.measure, keep))
    assert found.left <= keep + 1e-6
    even = units == ("weight",) or (units == ("layer",) and name not in NORMED)
    check_read_back(loaded, found.subject.model, tmp_path, batches[0], plain=True if even else None)


@pytest.mark.parametrize("name", MAKERS)
def test_half_of_the_vocabulary_is_read_back(name: str, tmp_path: Path):
    loaded = loaded_of(name, tmp_path)
    small = remove(loaded.model, {("vocabulary", -1): torch.arange(models.VOCABULARY) < 32})
    batch = models.batches(1)[0]
    check_read_back(loaded, small, tmp_path, batch | {"input_ids": batch["input_ids"] % 32}, plain=True)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("deberta", "neuron"),
        ("gte", "kv_group"),
        ("mamba", "channel"),
        ("mamba", "state"),
        ("mamba2", "channel"),
        ("mamba2", "state"),
        ("mixtral", "expert"),
        ("modernbert", "neuron"),
        ("nomic", "neuron"),
        ("qwen2_moe", "expert"),
        ("qwen2_moe", "neuron"),
        ("qwen3_moe", "kv_group"),
        ("qwen3_reranker", "kv_group"),
    ],
)
def test_transformers_reads_even_layers(name: str, kind: str, tmp_path: Path):
    """Half of the units of each layer go."""
    loaded = loaded_of(name, tmp_path)
    groups = family_of(loaded.model).describe(loaded.model).of_kind(kind)
    kept = {group.key: torch.arange(group.count) < group.count // 2 for group in groups}
    kept = level_parts(groups, kept, {key: mask.float() for key, mask in kept.items()})
    check_read_back(loaded, remove(loaded.model, kept), tmp_path, models.batches(1)[0], plain=True)


@pytest.mark.parametrize("name", ["bert", "deberta", "electra", "modernbert", "qwen3", "roberta"])
def test_transformers_reads_what_depth_width_leaves(name: str, tmp_path: Path):
    """Layers go from the top, so that the first stays where it is special, and neurons in equal numbers."""
    loaded = loaded_of(name, tmp_path)
    batches = models.batches(2, labels=loaded.kind != "decoder")
    found = shrink(Subject(loaded.model, loaded.task, batches), load_recipe("depth_width.v1"), Target("flops", 0.6))
    check_read_back(loaded, found.subject.model, tmp_path, batches[0], plain=True)


def test_layers_of_modernbert_keep_what_they_see(tmp_path: Path):
    """The span of each layer goes with it, down to one kind; a layer that was further up keeps its norm."""
    loaded = loaded_of("modernbert", tmp_path)
    spans = loaded.model.config.layer_types
    assert spans == ["full_attention", "sliding_attention", "full_attention"]
    small = remove(loaded.model, {("layer", -1): torch.tensor([False, True, False])})
    assert small.config.layer_types == [spans[1]]
    assert small.model.layers[0].attention_type == spans[1]
    assert isinstance(small.model.layers[0].attn_norm, torch.nn.LayerNorm)
    check_read_back(loaded, small, tmp_path, models.batches(1)[0], plain=False)


def test_a_deberta_with_a_convolution_keeps_its_first_layer():
    config = models.deberta().config
    config.conv_kernel_size, config.conv_groups = 3, 1
    model = transformers.DebertaV2Model(config).eval()
    anatomy = family_of(model).describe(model)
    assert ("width", -1) not in anatomy.groups
    with pytest.raises(UsageError, match="convolution"):
        remove(model, {("layer", -1): torch.tensor([False, True, True])})
    assert len(remove(model, {("layer", -1): torch.tensor([True, False, True])}).encoder.layer) == 2


def test_curvature_of_a_deberta_is_of_tokens_and_not_of_positions():
    """Its projections run on embeddings of relative positions, too."""
    subject = Subject(models.deberta(), CrossEncoder(), models.batches(2, labels=True))
    assert shrink(subject, load_recipe("llm_surgeon.v1"), Target("weights", 0.9)).left <= 0.9


@pytest.mark.parametrize("name", ["roberta", "xlm_roberta", "bert"])
def test_encoders_that_are_cut_are_exported(name: str, tmp_path: Path):
    loaded = loaded_of(name, tmp_path)
    batches = models.batches(2, labels=True)
    found = shrink(Subject(loaded.model, loaded.task, batches), RECIPES["head", "neuron"], Target("flops", 0.7))
    report = export_onnx(loaded.with_model(found.subject.model), tmp_path / "onnx", batches)
    assert report["model.onnx"]["largest"] < 1e-4


@pytest.mark.parametrize("name", ["deberta", "electra", "gte", "modernbert", "qwen3_reranker"])
def test_others_say_that_they_are_not_exported(name: str, tmp_path: Path):
    with pytest.raises(UsageError, match="not exported"):
        check_exportable(loaded_of(name, tmp_path))


def test_a_decoder_ranks_by_yes_and_no():
    """The sigmoid is the share of yes among both answers behind the last real token, and recipes follow it."""
    model, batches = models.qwen3(), models.batches(2, labels=True)
    task = YesNo(yes=7, no=9)
    batch = batches[0]
    found = task.output(model, batch).detach()
    for row, mask in enumerate(batch["attention_mask"]):
        ids = batch["input_ids"][row, : int(mask.sum())][None]
        with torch.no_grad():
            answers = model(input_ids=ids).logits[0, -1, [7, 9]].softmax(0)
        assert float(found[row].sigmoid()) == pytest.approx(float(answers[0]), abs=1e-5)
    assert task.measure(model, batches).metric == CrossEncoder().measure(models.bert(), batches).metric
    small = shrink(Subject(model, task, batches), RECIPES["head", "neuron"], Target("flops", 0.7))
    assert small.left <= 0.7
    with pytest.raises(UsageError, match="yes is 3"):
        YesNo(yes=3, no=3)


def test_a_relative_of_another_shape_is_refused():
    config = transformers.JinaEmbeddingsV3Config(
        vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, pad_token_id=0
    )
    with pytest.raises(InputError, match="no known family"):
        family_of(transformers.JinaEmbeddingsV3Model(config))
