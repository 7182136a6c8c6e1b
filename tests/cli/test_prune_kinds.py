"""`ctxprune prune` on what is not prose: each kind comes out as it came in."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from ctxprune.cli import main

TABLE = "Year,City,Notes\n1896,Athens,far away and very hot\n1900,Paris,beside the fair\n1904,St. Louis,none\n"
LONG = "Cats sleep all day long, each by itself. " * 5
PAGE = f"<!doctype html><title>Games</title><h1>Games</h1><p>{LONG}</p><p>The fair of Paris was in 1900.</p>"
FILES = {
    "a.csv": (TABLE, "Year,City,Notes\n1900,Paris,beside the fair\n"),
    "a.tsv": (TABLE.replace(",", "\t"), "Year\tCity\tNotes\n1900\tParis\tbeside the fair\n"),
    "a.html": (PAGE, "<h1>Games</h1><p>The fair of Paris was in 1900.</p>\n"),
    "a.json": ('{"a": "Athens", "b": "Paris"}', '{"b": "Paris"}\n'),
    "a.log": ("INFO Athens 1\nINFO Athens 2\nERROR Paris\n", "ERROR Paris\n… 2 more of other kinds\n"),
    "a.schema.json": (
        '{"type": "object", "properties": {"athens": {"type": "string"}, "paris": {"type": "string"}}}',
        '{"type": "object", "properties": {"paris": {"type": "string"}}}\n',
    ),
    "a.tools.json": (
        '[{"name": "athens", "input_schema": {"type": "object"}},'
        ' {"name": "paris", "input_schema": {"type": "object"}}]',
        '[{"name": "paris", "input_schema": {"type": "object"}}]\n',
    ),
}


def run(capfd: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["prune", "-q", "Paris", *map(str, words)])
    out, err = capfd.readouterr()
    return code, out, err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, (text, _) in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_end_of_the_name_says_how_a_file_is_read(folder, capfd, name: str) -> None:
    code, out, err = run(capfd, folder / name, "--top-k", 2 if name == "a.html" else 1)  # the heading comes along
    assert (code, out) == (0, FILES[name][1])
    assert err.startswith("ctxprune: kept ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("scorer", ["lexical", "titled"])
def test_a_scorer_that_is_named_is_used_for_every_kind(folder, capfd, name: str, scorer: str) -> None:
    code, _, err = run(capfd, folder / name, "--scorer", scorer, "--budget", 100)
    assert code == 0
    assert f"{scorer}.v1" in err


@pytest.mark.parametrize("name", sorted(FILES))
def test_json_accounts_for_every_unit_by_spans(folder, capfd, name: str) -> None:
    code, out, _ = run(capfd, folder / name, "--top-k", 2, "--json")
    document = json.loads(out)
    assert (code, document["files"]) == (0, [str(folder / name)])
    assert document["kind"] == {"a.schema.json": "schema", "a.tools.json": "tools"}.get(name, name.partition(".")[2])
    for unit in document["units"]:
        if unit["span"] is None:  # parts of a schema are not all in one place
            assert document["kind"] in {"schema", "tools"}
            continue
        start, end = unit["span"]
        assert 0 <= start < end <= len(FILES[name][0])


def test_a_format_reads_stdin(capfd, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TABLE.encode())))
    code, out, _ = run(capfd, "--format", "csv", "--top-k", 1)
    assert (code, out) == (0, FILES["a.csv"][1])


def test_a_budget_of_tables_leaves_out_columns_and_cells_say_a_share(folder, capfd) -> None:
    code, out, err = run(capfd, folder / "a.csv", "--budget", 12)
    assert (code, out) == (0, "Year,City\n1900,Paris\n")
    assert "table_budget.v1" in err
    code, out, err = run(capfd, folder / "a.csv", "--cells", 34)
    assert code == 0
    assert len([cell for line in out.splitlines()[1:] for cell in line.split(",")]) <= 3
    assert "cell_share.v1" in err
    assert run(capfd, folder / "a.csv", "--budget", 12, "--policy", "token_budget")[0] == 0


def test_a_table_says_what_was_left_out_where_that_is_asked_for(folder, capfd) -> None:
    code, out, _ = run(capfd, folder / "a.csv", "--top-k", 1, "--note")
    assert code == 0
    assert out.startswith("# (kept 1 of 3 rows")
    assert out.endswith(FILES["a.csv"][1])
    assert run(capfd, folder / "a.html", "--note")[0] == 2


def test_pages_of_a_folder_share_one_budget(folder, capfd) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "b.HTM").write_bytes("<p>Paris. Caf\xe9.</p>".encode("latin-1"))
    code, out, _ = run(capfd, folder, "--json", "--budget", 30)
    document = json.loads(out)
    assert code == 0
    assert document["files"] == [str(folder / "a.html"), str(folder / "sub" / "b.HTM")]
    assert document["output"][1] == "<p>Paris. Café.</p>"
    assert document["tokens_after"] <= 30
    code, out, _ = run(capfd, folder, "--budget", 60)
    first, second = folder / "a.html", folder / "sub" / "b.HTM"
    games = "<h1>Games</h1><p>The fair of Paris was in 1900.</p>"
    assert out == f"==> {first} <==\n{games}\n\n==> {second} <==\n<p>Paris. Café.</p>\n"


def test_kinds_that_do_not_go_together_and_options_for_text_are_wrong_usage(folder, capfd) -> None:
    for words in (
        (folder / "a.csv", folder / "a.html"),
        (folder / "a.csv", "--pronouns"),
        (folder / "a.html", "--field", "x"),
        (folder / "a.json", "--protect", "x"),
        (folder / "a.csv", "--cells", "101"),
        (folder / "a.csv", "--cells", "10", "--budget", "5"),
        (folder / "a.csv", "--policy", "cell_share"),
        (folder / "a.csv", "--policy", "table_budget", "--budget", "5", "--threshold", "1"),
    ):
        code, out, err = run(capfd, *words)
        assert (code, out) == (2, ""), words
        assert "Error" in err


@pytest.mark.parametrize(
    ("name", "text"),
    [("x.json", '{"a": '), ("x.schema.json", '{"a": '), ("x.tools.json", '{"a": '), ("x.tools.json", "[1, 2]")],
)
def test_what_is_not_of_its_kind_is_one_clear_line(tmp_path, capfd, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    code, out, err = run(capfd, path)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "CP005" in err
    assert str(path) in err


ARTICLE = (
    "<!doctype html><nav><a href=/>Home</a> <a href=/b>Blog</a></nav><article>"
    + "".join(f"<p>{LONG} Paragraph {number} of the article, which goes on for a while.</p>" for number in range(4))
    + "</article><footer>Copyright 2026</footer>"
)


def test_the_main_text_of_a_page_needs_no_question(tmp_path, capfd) -> None:
    path = tmp_path / "a.html"
    path.write_text(ARTICLE, encoding="utf-8")
    assert main(["prune", str(path), "--main", "--as", "text"]) == 0
    out, _ = capfd.readouterr()
    assert "Paragraph 3" in out
    assert not {"Home", "Copyright"} & {*out.split()}
    for words in ([str(path), "--main", "-q", "x"], ["--main", "--format", "text"], [str(path)]):
        assert main(["prune", *words]) == 2
        capfd.readouterr()


def test_pages_as_markdown_and_as_text(folder, capfd) -> None:
    words = (folder / "a.html", "--budget", 30)
    assert run(capfd, *words, "--as", "markdown")[1] == "# Games\n\nThe fair of Paris was in 1900.\n"
    assert run(capfd, *words, "--as", "text")[1] == "Games\n\nThe fair of Paris was in 1900.\n"
    assert run(capfd, folder / "a.csv", "--as", "text")[0] == 2


def test_without_a_known_ending_the_looks_decide(tmp_path, capfd, monkeypatch) -> None:
    path = tmp_path / "answer"
    path.write_text('["Paris", "Athens"]', encoding="utf-8")
    assert run(capfd, path, "--top-k", 1)[1] == '["Paris"]\n'
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(b'["Paris", "Athens"]')))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run(capfd, "--top-k", 1)[1] == '["Paris"]\n'


def test_what_is_no_page_is_refused(tmp_path, capfd) -> None:
    path = tmp_path / "a.html"
    for content in (b"PAR1\x15\x04", b"<p>\x00\x01", b" ", b"<!-- a -->"):
        path.write_bytes(content)
        code, out, err = run(capfd, path)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert err.count("a.html") == 1
    path.write_bytes("<p>Paris.</p>".encode("utf-16"))
    assert run(capfd, path)[:2] == (0, "<p>Paris.</p>\n")


def test_parquet_is_read_a_part_at_a_time_and_comes_out_as_parquet(tmp_path, capfd) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    source, target = tmp_path / "a.parquet", tmp_path / "out.parquet"
    cities = [f"City {number}" for number in range(5000)] + ["Paris"]
    parquet.write_table(pa.table({"city": cities, "people": list(range(5001))}), source)
    code, out, err = run(capfd, source, "--budget", 40)
    assert code == 0
    assert out.startswith("city,people\n")
    assert "Paris,5000\n" in out
    assert "5,001" not in out
    assert "of the 5,001 rows of the file" in err
    code, out, _ = run(capfd, source, "--budget", 40, "-o", target)
    assert (code, out) == (0, "")
    assert "Paris" in parquet.read_table(target).column("city").to_pylist()
    code, out, _ = run(capfd, source, "--json")
    assert (code, json.loads(out)["rows"][1]) == (0, 5001)
    assert run(capfd, source, "-o", source)[0] == 1
    assert run(capfd, source, tmp_path / "a.csv")[0] == 2
    assert run(capfd, source, "--pronouns")[0] == 2
    (tmp_path / "b.csv").write_text(TABLE, encoding="utf-8")
    code, _, err = run(capfd, tmp_path / "b.csv", "-o", target)
    assert (code, "csv" in err.lower()) == (1, True)  # a table stays of its format


def test_compliance_is_told_for_schemas_and_tools(folder, capfd) -> None:
    tools = '[{"name": "paris", "parameters": {"properties": {"day": {"format": "date"}}}}]'
    (folder / "b.tools.json").write_text(tools, encoding="utf-8")
    code, out, err = run(capfd, folder / "b.tools.json", "--compliance")
    assert (code, json.loads(out)) == (0, json.loads(tools))
    assert "beyond the common core of constrained decoding: paris: /properties/day: format\n" in err
    code, out, err = run(capfd, folder / "a.schema.json", "--compliance", "--json")
    [told] = json.loads(out)["compliance"]
    assert (code, told["is_covered"], told["beyond"]) == (0, True, [])
    assert "all keywords are in the common core" in err
    code, _, err = run(capfd, folder / "a.csv", "--compliance")
    assert code == 2
    assert "--compliance" in err
