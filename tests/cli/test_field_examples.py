"""Questions as a new user asks them on the command line: what must be kept, and what the notes may claim."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from ctxprune.cli import main

EMPLOYEES = (
    "name,department,city,salary\nAna,IT,Lyon,5200\nBo,Sales,Porto,4100\nCem,IT,Graz,4800\nDee,Legal,Cork,6100\n"
    "Eli,Sales,Gent,3900\nFay,IT,Brno,5000\nGil,Legal,Bonn,5700\nHana,Sales,Oslo,4300\n"
)
STAFF = (Path(__file__).parents[1] / "rag" / "field" / "files" / "staff.csv").read_text(encoding="utf-8")
IMPORTS = "".join(f"```python\nfrom brimble import part{number}\n```\n\n" for number in range(40))
ORIGIN = (
    "The word brimble comes from the dialect of the lower fens, where it meant the sound of rain on a boat that lies "
    "upside down on the bank, and from there, much later, any noise that goes on for so long that nobody hears it any "
    "more; the first version of the program wrote a dot for each file, and somebody said that the dots were brimbling."
)
TOWN = (
    "# Town guide\n\n"
    "## The lighthouse\n\nIt was lit for the first time in 1871, by oil. Its keeper lived in the tower.\n\n"
    "## The church\n\nThe church can be seen from the lighthouse. It was consecrated in 1764.\n\n"
    "## The mill\n\nIt was turned by the tide. The miller sold flour to ships.\n"
)


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def prune(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Writes a text to a file of that name and runs `ctxprune prune` on it."""

    def run(name: str, text: str, question: str, *words: str) -> Outcome:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        code = main(["prune", str(file), "-q", question, *words])
        shown = capsys.readouterr()
        return Outcome(code, shown.out, shown.err)

    return run


# Tables


@pytest.mark.parametrize("budget", ["20", "24", "30"])
def test_who_works_in_it_keeps_the_department(prune: Callable[..., Outcome], budget: str) -> None:
    kept = prune("employees.csv", EMPLOYEES, "Who works in IT?", "--budget", budget)
    assert kept.code == 0
    rows = [line.split(",") for line in kept.out.splitlines()]
    assert rows[0][:2] == ["name", "department"]
    departments = [row[1] for row in rows[1:]]
    # Others may fill what room is left, but only where nobody of the department is missing.
    assert departments.count("IT") == 3 or {*departments} == {"IT"}


def test_who_works_in_it_has_everybody_where_they_fit(prune: Callable[..., Outcome]) -> None:
    kept = prune("employees.csv", EMPLOYEES, "Who works in IT?", "--budget", "30")
    assert all(f"{name},IT" in kept.out for name in ("Ana", "Cem", "Fay"))


def test_who_earns_the_most_keeps_the_highest_salary(prune: Callable[..., Outcome]) -> None:
    kept = prune("employees.csv", EMPLOYEES, "Who earns the most?", "--budget", "20")
    assert "Dee" in kept.out
    assert "6100" in kept.out


@pytest.mark.parametrize("budget", ["50", "80", "120"])
def test_the_note_of_a_table_claims_only_what_holds(prune: Callable[..., Outcome], budget: str) -> None:
    none = prune("staff.csv", STAFF, "Who works in Lisbon?", "--budget", budget, "--note")
    assert "match" not in none.out
    some = prune("staff.csv", STAFF, "Who works in IT?", "--budget", budget, "--note")
    note, _, *rows = some.out.splitlines()
    assert "match" not in note or all(name in "".join(rows) for name in ("Bela", "Dana", "Kofi"))


# No scraps


@pytest.mark.parametrize("budget", ["60", "90"])
def test_no_filler_where_the_best_sentence_does_not_fit(prune: Callable[..., Outcome], budget: str) -> None:
    text = f"# brimble\n\n{IMPORTS}## Name\n\n{ORIGIN}\n"
    kept = prune("README.md", text, "What does the word brimble come from?", "--budget", budget)
    assert "dialect of the lower fens" in kept.out or "did not fit" in kept.err
    assert "import" not in kept.out


@pytest.mark.data
@pytest.mark.parametrize("budget", ["60", "100", "200"])
def test_where_the_name_of_tqdm_comes_from(shared: Path, capsys: pytest.CaptureFixture[str], budget: str) -> None:
    file = shared / "data" / "rag" / "field" / "files" / "tqdm-METADATA.rst"
    if not file.exists():
        pytest.skip("the field set is not here")
    assert main(["prune", str(file), "-q", "What does the word tqdm come from?", "--budget", budget]) == 0
    assert "taqaddum" in capsys.readouterr().out


def test_a_budget_as_a_share(prune: Callable[..., Outcome]) -> None:
    kept = prune("guide.md", TOWN, "When was the church consecrated?", "--budget", "50%")
    assert kept.code == 0
    assert "1764" in kept.out
    assert len(kept.out) < len(TOWN) * 0.6


def test_top_k_drops_copies(prune: Callable[..., Outcome]) -> None:
    text = "The ferry leaves at noon.\n\n" * 3 + "The ferry to the island takes an hour.\n\nDogs are not allowed.\n"
    kept = prune("ferry.txt", text, "When does the ferry leave?", "--top-k", "2")
    assert kept.out.count("leaves at noon") == 1
    assert "takes an hour" in kept.out


# Headings as context


@pytest.mark.parametrize("name", ["guide.md", "guide.html"])
def test_a_sentence_is_read_under_its_heading(prune: Callable[..., Outcome], name: str) -> None:
    text = TOWN if name.endswith("md") else town_page()
    kept = prune(name, text, "When was the lighthouse lit for the first time?", "--budget", "32")
    assert "1871" in kept.out
    assert "consecrated" not in kept.out


@pytest.mark.parametrize("name", ["guide.md", "guide.html"])
def test_a_heading_beats_the_word_in_another_section(prune: Callable[..., Outcome], name: str) -> None:
    text = TOWN if name.endswith("md") else town_page()
    kept = prune(name, text, "Who lived in the lighthouse?", "--budget", "32")
    assert "keeper" in kept.out
    kept = prune(name, text, "lighthouse fuel", "--budget", "32")
    assert "oil" in kept.out


def test_main_text_keeps_the_heading_at_its_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "guide.html"
    file.write_text(town_page(), encoding="utf-8")
    assert main(["prune", str(file), "--main", "--as", "text"]) == 0
    assert capsys.readouterr().out.startswith("Town guide")


def test_a_scorer_that_is_named_is_obeyed_on_pages(prune: Callable[..., Outcome]) -> None:
    kept = prune("guide.html", town_page(), "When was the church consecrated?", "--scorer", "lexical", "--budget", "40")
    assert "lexical.v1" in kept.err


# JSON


STATION = {
    "network": {"ssid": "apple-shed", "gateway": "10.4.0.1", "reconnect_seconds": 45},
    "probes": [{"id": f"p{number}", "kind": "moisture", "depth_cm": number * 30} for number in range(1, 5)],
    "valves": {"north": {"litres": 38, "looked_after_by": "Ruth Amsel"}, "people": ["Teun Bakker", "Ilse Kok"]},
    "notes": ["checked in spring", "battery changed", "cable bitten by a hare"],
}
ASKED = {
    "who looks after the north valve?": "Ruth Amsel",
    "how deep is probe p2": '"depth_cm": 60',
    "gateway address": "10.4.0.1",
}


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_json_keeps_the_same_however_it_is_indented(prune: Callable[..., Outcome], indent: int | None) -> None:
    for question, answer in ASKED.items():
        kept = prune("station.json", json.dumps(STATION, indent=indent), question, "--budget", "55")
        assert kept.code == 0, kept.err
        assert answer in kept.out


def town_page() -> str:
    tags = {"# ": "h1", "##": "h2"}
    parts = [(tags.get(part[:2], "p"), part.strip().lstrip("# ")) for part in TOWN.split("\n\n")]
    body = "".join(f"<{tag}>{text}</{tag}>" for tag, text in parts)
    return f"<!doctype html><html><body><nav><a href=x>Map</a></nav><main>{body}</main></body></html>"
