"""What a user does with a database, in a real browser."""

from __future__ import annotations

from .browser import Page
from .conftest import IMAGE, LINES, SCRIPT

DONE = "/^(Done|No answer)/.test(document.querySelector('#ask-status').textContent)"
CELLS = (
    "[...document.querySelectorAll('#answer tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))"
)


def choose(page: Page, database: str) -> None:
    page.click("#database-tab")
    page.js(
        f"document.querySelector('#database').value = '{database}';"
        "document.querySelector('#database').dispatchEvent(new Event('change'))"
    )


def ask(page: Page, database: str, question: str) -> None:
    choose(page, database)
    page.fill("#ask-question", question)
    page.click("#ask-form .main")
    page.wait(DONE)


def test_what_can_be_asked_about_is_shown_before(page: Page) -> None:
    choose(page, "shop")
    assert "2 tables, 8 columns, sqlite" in page.text("#schema")
    assert "city_name" in page.text("#schema")


def test_rows_candidates_and_timings(page: Page) -> None:
    ask(page, "shop", "How many cities are in Brazil?")
    assert page.js(CELLS) == [["1"]]
    assert "COUNT" in page.text("#answer .sql")
    assert page.text("#ask-status") == "Done: 1 row."
    assert page.js("document.querySelectorAll('#candidates .chosen').length") == 1
    assert "Result 1: " in page.text("#candidates")
    assert page.js("document.querySelectorAll('#candidates .group tbody tr').length") >= 1
    steps = page.js("[...document.querySelectorAll('#steps th')].map((step) => step.textContent)")
    # Samples for the readers of conditions; the trust model before the choice, the outcome after it.
    expected = ["screen", "values", "link", "samples", "generate", "names", "execute", "trust", "select", "assess"]
    assert steps == expected


def test_the_diagram_tells_reasons_by_mouse_and_keys(page: Page) -> None:
    ask(page, "shop", "How many cities are in Brazil?")
    page.wait("document.querySelectorAll('.diagram .table').length === 2")
    assert page.js("document.querySelectorAll('.diagram .line').length") == 1
    assert "Brazil" in page.text("#linked .plain")
    assert "value: Brazil" in page.text(".reasons")  # of the likeliest table, before anything is pointed at
    page.js("document.querySelector('.diagram .table').focus()")
    page.key("ArrowRight")
    assert page.js("document.activeElement.ariaLabel").startswith("Table order items: id (primary key)")
    assert "joins order items and city" in page.text(".reasons")
    assert page.js("document.querySelectorAll('.diagram .line.chosen').length") == 1
    page.key("ArrowLeft")
    assert "value: Brazil" in page.text(".reasons")
    assert page.js("document.querySelectorAll('.diagram [tabindex=\"0\"]').length") == 1
    page.js("document.querySelector('#linked details').open = true")
    assert "order items" in page.text("#linked details")
    assert "population" in page.js("document.querySelector('#linked details:last-child').textContent")


def test_numbers_keep_their_digits_and_null_is_no_text(page: Page) -> None:
    ask(page, "shop", "List the name, country and population of all cities")
    rows = {row[0]: row[2] for row in page.js(CELLS)}
    assert rows["Springfield"] == "9007199254740993"
    assert rows["Łódź"] == "NULL"
    assert page.js("document.querySelectorAll('#answer .null').length") == 1


def test_a_cell_with_any_kind_of_line_break_is_shown(page: Page) -> None:
    ask(page, "hostile", "List the verse of all poems")
    assert page.js(CELLS) == [[LINES]]
    assert page.js("document.querySelector('#ask-result[aria-busy]')") is None


def test_a_page_that_fails_says_so_and_waits_for_nothing(page: Page) -> None:
    choose(page, "shop")
    broken = "(...parts) => { if (parts.length) throw new TypeError('broken'); }"
    page.js(f"void (document.querySelector('#answer').replaceChildren = {broken})")
    page.fill("#ask-question", "How many cities are in Brazil?")
    page.click("#ask-form .main")
    page.wait("document.querySelector('#ask-error [role=alert]') !== null")
    page.wait("document.querySelector('#ask-result[aria-busy]') === null")
    assert "broken" in str(page.faults())
    page.forget()


def test_a_question_without_an_answer(page: Page) -> None:
    ask(page, "shop", "Who is the president of the moon?")
    assert page.text("#answer h2") == "No answer"
    assert page.text("#ask-status") == "No answer."
    assert page.js("document.querySelector('#ask-error').childElementCount") == 0


def test_markup_in_names_and_values_is_text(page: Page) -> None:
    choose(page, "hostile")
    assert "<b>bold</b>" in page.text("#schema")
    ask(page, "hostile", "Show the body of notes by eve")
    assert [SCRIPT] in page.js(CELLS)
    assert [IMAGE] in page.js(CELLS)
    ask(page, "hostile", "List the <i>it</i> of all <b>bold</b>")
    assert "<i>it</i>" in page.js("document.querySelector('#linked').textContent")
    assert page.js("document.querySelectorAll('main script, main img, main b, main i:not(.bars i)').length") == 0
    assert page.js("document.title") == "ctxprune explorer"


def test_wide_rows_and_many_tables_stay_within_the_page(page: Page) -> None:
    page.look(380, 800)
    ask(page, "wide", "Show everything of all stations")
    assert page.text("#answer h2 + .soft").startswith("300 rows")
    assert page.js("document.querySelectorAll('#answer tbody tr').length") == 50
    page.click("#answer button")
    assert page.js("document.querySelectorAll('#answer tbody tr').length") == 300
    assert page.js("document.activeElement.ariaLabel") == "Rows of the answer"
    assert page.js("document.documentElement.scrollWidth <= innerWidth")
    assert "… and 480 characters more" in page.text("#answer td:nth-child(3)")
    ask(page, "wide", "Which kind, parent and station name have part_1, part_2, part_3, part_4, part_5 and part_6?")
    assert page.js("document.querySelectorAll('.diagram .table').length") > 5
    assert page.js("document.documentElement.scrollWidth <= innerWidth")


def test_a_question_can_be_stopped(page: Page) -> None:
    choose(page, "shop")
    page.fill("#ask-question", "How many cities are there?")
    page.js("document.querySelector('#ask-form').requestSubmit(); document.querySelector('#stop').click()")
    page.wait("document.querySelector('#ask-status').textContent === 'Stopped.'")
    assert page.js("document.querySelector('#stop').hidden")
    assert page.js("document.querySelector('#ask-error').childElementCount") == 0
