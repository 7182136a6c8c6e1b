"""Evidence kept of whole documents: reading a set, the figures, and pruning as the command line does it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.errors import InputError
from ctxprune.rag.evaluation.field import (
    SHARES,
    FieldDocument,
    FirstUnits,
    Method,
    compare_methods,
    default_methods,
    measure_field,
)
from ctxprune.rag.evaluation.field_set import evidence_text, read_field_items
from ctxprune.scorers.base import score_batch
from ctxprune.utils.metrics import sign_test

FILLER = [f"The {name} has a wooden frame and a cover of grey cloth." for name in
          ("chair", "bench", "stool", "couch", "crib", "cradle", "hammock", "swing", "lounger", "settle")]  # fmt: skip
FACT = "The kettle switches itself off after forty seconds without water."
QUESTION = "when does the kettle turn off by itself?"
ROWS = [f"{name},{number},oak" for number, name in enumerate(("bench", "stool", "couch", "crib", "swing"), start=30)]
DOCUMENTS = {
    "guide.md": "# Furniture\n\n" + " ".join(FILLER[:5]) + f"\n\n## Kettles\n\n{FACT}\n\n" + " ".join(FILLER[5:]),
    "guide.txt": " ".join([*FILLER[:7], FACT, *FILLER[7:]]) + "\n",
    "guide.rst": "Furniture\n=========\n\n" + "\n\n".join([*FILLER[:4], FACT, *FILLER[4:]]) + "\n",
    "page.html": "<html><body><h1>Furniture</h1>" + "".join(f"<p>{text}</p>" for text in [*FILLER, FACT]) + "</body>",
    "stock.csv": "article,price,material\n" + "\n".join([*ROWS, "kettle,12,steel", "ladle,4,steel"]) + "\n",
    "stock.json": json.dumps({name: {"price": 30, "note": text} for name, text in zip("abcdefghijk", [*FILLER, FACT],
                                                                                     strict=True)}, indent=1),
    "run.log": "".join(f"2024-03-01 10:00:{place:02} INFO {text}\n" for place, text in enumerate([*FILLER, FACT])),
}  # fmt: skip
EVIDENCE = {"stock.csv": "kettle,12,steel"}
KINDS = {"md": "markdown", "txt": "text"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = []
    (tmp_path / "files").mkdir()
    for name, text in DOCUMENTS.items():
        (tmp_path / "files" / name).write_text(text, encoding="utf-8")
        kind = name.partition(".")[2]
        rows.append({"id": name, "file": f"files/{name}", "kind": KINDS.get(kind, kind), "question": QUESTION,
                     "evidence": [EVIDENCE.get(name, FACT)], "split": "even" if len(rows) % 2 else "odd"})  # fmt: skip
    rows.append({**rows[1], "id": "none", "question": "what does the lamp cost?", "evidence": []})
    write_rows(tmp_path, rows)
    return tmp_path


def write_rows(folder: Path, rows: list[dict]) -> None:
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_items_and_groups(folder: Path) -> None:
    items = read_field_items(folder)
    assert [item.group for item in items] == ["docs", "docs", "docs", "html", "csv", "json", "log", "docs"]
    assert items[-1].evidence == ()
    assert {item.name for item in read_field_items(folder, split="even")} == {"guide.txt", "page.html", "stock.json",
                                                                              "none"}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"file": "../outside.txt"},
        {"file": "files/absent.txt"},
        {"file": "files"},
        {"evidence": "a text"},
        {"evidence": [""]},
        {"evidence": ["this is not in the document"]},
        {"question": "  "},
        {"kind": None, "question": None},
    ],
)
def test_a_row_that_is_wrong_is_named(folder: Path, change: dict) -> None:
    (folder.parent / "outside.txt").write_text(FACT, encoding="utf-8")
    row = {"id": "a", "file": "files/guide.txt", "kind": "text", "question": QUESTION, "evidence": [FACT]}
    write_rows(folder, [row, {**row, **change}])
    with pytest.raises(InputError, match=r"items\.jsonl, line 2"):
        read_field_items(folder)


def test_a_set_without_questions(folder: Path) -> None:
    with pytest.raises(InputError, match="no question in the part 'odds'"):
        read_field_items(folder, split="odds")
    with pytest.raises(InputError, match="no question has evidence"):
        measure_field(read_field_items(folder)[-1:], default_methods())


def test_visible_text() -> None:
    page = (
        "<style>a{}</style><p>One <b>t</b>wo&nbsp;&amp; three<br>four</p><!-- no --><script>if (a<b) x()</script>five"
    )
    assert evidence_text(page, "html") == "One two & three four five"
    assert evidence_text("<template><p>no</p></template>a<img src=x>b<td>c", "html") == "a b c"
    assert evidence_text(page, "text") == page


def test_figures(folder: Path) -> None:
    report, results = measure_field(read_field_items(folder), default_methods())
    figures = report.to_dict()
    assert figures["items"] == {"all": 7, "docs": 3, "html": 1, "csv": 1, "json": 1, "log": 1}
    assert figures["unanswerable"] == 1
    for method in ("default", "lexical", "bm25s"):
        assert figures["evidence_kept"][method]["docs"]["25"] == 100
        assert figures["evidence_kept"][method]["log"]["25"] == 100
        assert all(figures["tokens_kept"][method][str(share)] <= share for share in SHARES)
    assert figures["evidence_kept"]["first"]["all"]["25"] == 0
    assert figures["nothing_kept"]["first"]["5"] > figures["nothing_kept"]["first"]["25"]
    assert [row.item.name for row in results["default"]] == [*DOCUMENTS, "none"]


def test_a_string_counts_for_its_share(folder: Path) -> None:
    row = json.loads((folder / "items.jsonl").read_text(encoding="utf-8").splitlines()[1])
    write_rows(folder, [{**row, "evidence": [FACT, FILLER[9]]}])
    report, _ = measure_field(read_field_items(folder), {"lexical": default_methods()["lexical"]})
    assert report.evidence_kept["lexical"]["all"]["10"] == 50
    assert report.all_evidence["lexical"]["all"]["10"] == 0
    assert report.difference == {}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("method", ["default", "lexical"])
def test_documents_are_pruned_as_on_the_command_line(
    folder: Path, capsysbinary: pytest.CaptureFixture[bytes], name: str, method: str
) -> None:
    file, chosen = folder / "files" / name, default_methods()[method]
    document = FieldDocument(file)
    budget = document.tokens // 4
    scores = score_batch(chosen.scorer, [QUESTION], [document.context])[0]
    words = ["--scorer", "lexical"] if method == "lexical" else []
    code = main(["prune", str(file), "-q", QUESTION, "--budget", str(budget), *words])
    written = capsysbinary.readouterr().out.decode("utf-8")
    assert code == 0
    assert document.prune(QUESTION, chosen, scores, budget).rstrip("\n") == written.rstrip("\n")


def test_whole_rows_of_a_table(folder: Path) -> None:
    document = FieldDocument(folder / "files" / "stock.csv")
    method = Method(FirstUnits(), whole_rows=True)
    scores = method.scorer.score(QUESTION, document.context)
    kept = document.prune(QUESTION, method, scores, document.tokens // 2)
    assert kept.splitlines()[:2] == ["article,price,material", ROWS[0]]
    assert document.prune(QUESTION, method, scores, 0) == ""


def test_paired_comparison() -> None:
    worse = compare_methods([0, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1])
    assert (worse["items"], worse["better"], worse["worse"], worse["mean"]) == (6, 0, 5, -83.33)
    assert worse["p_worse"] == round(1 / 32, 4)
    assert worse["low"] < worse["mean"] < worse["high"] <= 0
    assert compare_methods([1, 0.5], [1, 0.5])["p_worse"] == 1


@pytest.mark.parametrize(
    ("better", "worse", "value"),
    [(0, 0, 1.0), (0, 5, 1 / 32), (1, 5, 7 / 64), (9, 0, 1.0), (0, 2000, 0.5**1000 * 0.5**1000)],
)
def test_sign_test(better: int, worse: int, value: float) -> None:
    assert sign_test(better, worse) == pytest.approx(value)


@pytest.mark.data
def test_the_rule_for_visible_text_is_that_of_the_shared_set(shared: Path) -> None:
    data = shared / "data" / "rag" / "field"
    if not data.is_dir():
        pytest.skip("the field set is not here")
    spec = importlib.util.spec_from_file_location("norm", data / "norm.py")
    assert spec is not None
    assert spec.loader is not None
    norm = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(norm)
    for item in {item.file: item for item in read_field_items(data)}.values():
        raw = item.file.read_bytes().decode("utf-8")
        assert evidence_text(raw, item.kind) == norm.text_of(item.kind, raw)


def test_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["bench", "field", "--data", str(folder)]
    assert main([*words, "--scorer", "lexical", "--group", "docs", "--items", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["set"], shown["scorer"], shown["items"]) == (folder.name, "lexical.v1", {"all": 3, "docs": 3})
    assert shown["evidence_kept"]["default"] == shown["evidence_kept"]["lexical"]
    assert [row["id"] for row in shown["results"]] == ["guide.md", "guide.txt", "guide.rst"]
    assert main([*words, "--limit", "2"]) == 0
    assert "docs (2)" in capsys.readouterr().out
    assert main([*words, "--group", "poems"]) == 2
    assert "csv, docs, html" in capsys.readouterr().err
