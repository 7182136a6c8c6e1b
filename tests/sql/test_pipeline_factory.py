"""Generators and pipelines from words, as the command line and the service take them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxprune.errors import UsageError
from ctxprune.llm.base import ChatModel
from ctxprune.sql import Database
from ctxprune.sql.generate.phrases import PhraseGenerator
from ctxprune.sql.generate.sketch import SketchGenerator
from ctxprune.sql.pipeline.factory import OptionError, PaidEndpoint, PipelineFactory, PromptOptions, make_generators


@pytest.mark.parametrize(
    ("spec", "options", "where", "text"),
    [
        ("sketh", {}, "generator", "did you mean 'sketch.v1'"),
        ("chat.v1", {}, "generator", "write chat:FILE.gguf or chat:URL"),
        ("sketch", {"prompts": PromptOptions(style="ddl")}, "style", "is no chat model"),
        ("sketch", {"prompts": PromptOptions(examples=Path("a.json"))}, "examples", "is no chat model"),
        ("sketch", {"endpoint": PaidEndpoint(price_in=1.0)}, "price_in", "is no server"),
        ("chat:http://127.0.0.1:9/v1#m", {"prompts": PromptOptions(style="lyrical")}, "style", "lyrical"),
    ],
)
def test_a_wrong_option_is_an_error_of_ours_that_names_it(
    spec: str, options: dict, where: str, text: str, tmp_path: Path
) -> None:
    with pytest.raises(OptionError) as raised:
        make_generators(spec, cache=tmp_path / "cache.sqlite", **options)
    assert isinstance(raised.value, UsageError)
    assert (raised.value.where, raised.value.code) == (where, "CP001")
    assert text in raised.value.what


def test_the_key_of_a_server_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ctxprune.llm import chat_models

    keys = []
    open_chat_model = chat_models.open_chat_model

    def remember(address: str, *, api_key: str) -> ChatModel:
        keys.append(api_key)
        return open_chat_model(address, api_key=api_key)

    monkeypatch.setattr(chat_models, "open_chat_model", remember)
    monkeypatch.delenv("CTXPRUNE_API_KEY", raising=False)
    (tmp_path / "key").write_text("hunter2\n")
    monkeypatch.setenv("CTXPRUNE_API_KEY_FILE", str(tmp_path / "key"))
    make_generators("chat:http://127.0.0.1:9/v1#m", cache=tmp_path / "cache.sqlite")
    assert keys == ["hunter2"]


@pytest.mark.parametrize(("name", "value"), [("PRICE_OUT", "much"), ("RPM", "0"), ("TPM", "2.5")])
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str) -> None:
    monkeypatch.setenv(f"CTXPRUNE_{name}", value)
    with pytest.raises(OptionError) as raised:
        make_generators("chat:http://127.0.0.1:9/v1#m", cache=tmp_path / "cache.sqlite")
    assert raised.value.where == f"CTXPRUNE_{name}"


def test_a_chat_model_comes_with_the_generators_that_need_none_unless_plain(tmp_path: Path) -> None:
    spec, cache = "chat:http://127.0.0.1:9/v1#m", tmp_path / "cache.sqlite"
    writer, *others = make_generators(spec, cache=cache)
    assert [type(other) for other in others] == [SketchGenerator, PhraseGenerator]
    assert not isinstance(writer, (SketchGenerator, PhraseGenerator))
    assert [type(other) for other in make_generators("sketch")] == [SketchGenerator, PhraseGenerator]
    assert [type(other) for other in make_generators("sketch.v1")] == [SketchGenerator]
    assert len(make_generators(spec, cache=cache, plain=True)) == 1


def test_pipelines_of_one_factory_share_generators_and_see_the_part_that_is_given(shop: Path) -> None:
    make = PipelineFactory(make_generators("sketch"))
    with Database(shop) as database:
        part = database.schema().subset([ref for ref in database.schema().refs() if ref.table == "city"])
        whole, cut = make(database, database.schema()), make(database, part)
        assert whole.ask("How many cities are there?").rows == cut.ask("How many cities are there?").rows
        assert [table.name for table in cut.schema.tables] == ["city"]
        assert make.make(database).schema.tables == database.schema().tables
