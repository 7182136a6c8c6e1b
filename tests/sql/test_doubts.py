"""Words of a question that mean nothing the caller may see: hidden and absent ones are told alike, and no others."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.sql.database.database import Database
from ctxprune.sql.evaluation.datasets import load, sample_items
from ctxprune.sql.generate.base import Candidate
from ctxprune.sql.linking.doubts import Doubt, SchemaWords, find_doubts
from ctxprune.sql.pipeline.pipeline import Answer, Pipeline, PipelineConfig
from ctxprune.sql.pipeline.steps import NoteWithheld, RetrieveValues, State
from ctxprune.sql.schema.schema import ColumnRef, Schema
from ctxprune.sql.select.base import Executed, Selection
from ctxprune.sql.trust.outcome import Assessment
from ctxprune.sql.values import ValueIndex

SCRIPT = """
    CREATE TABLE employee (id INTEGER PRIMARY KEY, full_name TEXT, dept_id INTEGER REFERENCES department(id),
        hired DATE, salary INTEGER, diagnosis TEXT, HomePhone TEXT);
    CREATE TABLE department (id INTEGER PRIMARY KEY, title TEXT, city TEXT, budget REAL);
    CREATE TABLE reprimand (id INTEGER PRIMARY KEY, employee_id INTEGER REFERENCES employee(id), reason TEXT);
    INSERT INTO department VALUES (1, 'Sales', 'Paris', 10.5), (2, 'Research', 'Oslo', 7);
    INSERT INTO employee VALUES (1, 'Anna Stone', 1, '2020-01-02', 100, 'influenza', '1'),
        (2, 'Bob Reed', 2, '2021-03-04', 200, 'asthma', '2');
    INSERT INTO reprimand VALUES (1, 1, 'late');
    """
SEEN = [
    *(ColumnRef("employee", name) for name in ("id", "full_name", "dept_id", "hired")),
    *(ColumnRef("department", name) for name in ("id", "title", "city", "budget")),
]


@pytest.fixture(scope="module")
def staff(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("staff") / "staff.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCRIPT)
    with Database(path, isolated=False) as database:
        yield database


@pytest.fixture(scope="module")
def index(staff: Database) -> ValueIndex:
    return ValueIndex.build(staff)


def told(staff: Database, index: ValueIndex, question: str, *, seen: bool) -> list[str]:
    schema: Schema = staff.schema().subset(SEEN) if seen else staff.schema()
    values = index.within(list(schema.refs()))
    found = find_doubts(question, SchemaWords.of(schema), hits=values.lookup(question), ranges=values.ranges(question))
    return [doubt.text for doubt in found]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What is the average salary of employees in Paris?", ["salary"]),
        ("List the salaries of all employees.", ["salaries"]),
        ("Show the SALARY per department", []),  # in capitals it may be a name or a code
        ("Show full name and diagnosis of each employee", ["diagnosis"]),
        ("Which employees have the home phone 1?", ["home", "phone"]),
        ("How many reprimands does every employee have?", ["reprimands"]),
        ("Which employees suffer from influenza?", ["suffer", "influenza"]),
        ("How many employees were hired in 2020?", []),
        ("Which departments have a budget above 8?", []),
        ("List the names of employees from Oslo, sorted by hire date.", []),
        ("What is the total budget of the Sales department?", []),
        ("Show the city with the most employees", []),
    ],
)
def test_examples(staff: Database, index: ValueIndex, question: str, words: list[str]) -> None:
    """What is told where columns are hidden; where they are not, none of it is."""
    assert told(staff, index, question, seen=True) == words
    assert told(staff, index, question, seen=False) == [word for word in words if word == "suffer"]


@pytest.mark.parametrize(
    ("hidden", "absent"), [("salary", "shoesize"), ("diagnosis", "horoscope"), ("reprimands", "kittens")]
)
def test_a_hidden_name_is_told_in_the_same_words_as_one_that_is_not_there(
    staff: Database, index: ValueIndex, hidden: str, absent: str
) -> None:
    pipeline = Pipeline(staff, values=index, config=PipelineConfig(schema=staff.schema().subset(SEEN)))
    one, other = (pipeline.ask(f"What is the {word} of every employee?") for word in (hidden, absent))
    messages = [[str(doubt) for doubt in answer.doubts if doubt.text] for answer in (one, other)]
    (message,) = messages[0]
    told = f"the question mentions {hidden!r}, which is no table, column or value that you may see"
    assert message == f"{told}; a part of this database is withheld from you, and what is meant may be there"
    assert messages[0] == [message.replace(absent, hidden) for message in messages[1]]


def test_a_hidden_column_is_answered_as_one_that_is_not_there(
    staff: Database, index: ValueIndex, tmp_path: Path
) -> None:
    path = tmp_path / "staff.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCRIPT)
        for column in ("salary", "diagnosis", "HomePhone"):
            connection.execute(f"ALTER TABLE employee DROP COLUMN {column}")
        connection.execute("DROP TABLE reprimand")
    with Database(path, isolated=False) as without:
        hiding = Pipeline(staff, values=index, config=PipelineConfig(schema=staff.schema().subset(SEEN)))
        for question in ("Show the salary of every employee", "How many reprimands are there?", "Who has influenza?"):
            one, other = (pipeline.ask(question) for pipeline in (hiding, Pipeline(without)))
            mine, others = ([(doubt.text, doubt.span) for doubt in answer.doubts] for answer in (one, other))
            assert mine == others
            assert all("withheld" in str(doubt) for doubt in one.doubts if doubt.text)
            assert "withheld" not in "".join(map(str, other.doubts))
            assert (one.refusal, one.sql, one.rows) == (other.refusal, other.sql, other.rows)
            assert one.doubts


def test_an_answer_carries_them(staff: Database, index: ValueIndex) -> None:
    config = PipelineConfig(schema=staff.schema().subset(SEEN))
    question = "What is the average salary of employees in Paris?"
    answer = Pipeline(staff, values=index, config=config).ask(question)
    assert (answer.doubts[0].text, answer.doubts[0].span) == ("salary", (20, 26))
    assert question[slice(*answer.doubts[0].span)] == "salary"
    document = json.loads(json.dumps(answer.to_dict(trace=False)["doubts"]))[0]
    assert document == {"text": "salary", "span": [20, 26], "message": str(answer.doubts[0])}
    assert Pipeline(staff, values=index).ask(question).doubts == ()


def test_evidence_and_known_terms_explain_words(staff: Database, index: ValueIndex) -> None:
    pipeline = Pipeline(staff, values=index)
    question = "Which employees are veterans?"
    assert [doubt.text for doubt in pipeline.ask(question).doubts if doubt.text] == ["veterans"]
    assert not _meaningless(pipeline.ask(question, "a veteran was hired before 2021"))
    from ctxprune.sql.knowledge.entries import Term

    term = Term("veteran", "hired < '2021-01-01'", ("employee.hired",))
    assert not _meaningless(Pipeline(staff, values=index, knowledge=[term]).ask(question))


def _meaningless(answer: Answer) -> list[str]:
    """Words of which an answer says that they mean nothing, whether its query uses them or not."""
    return [doubt.text for doubt in answer.doubts if "no table, column or value" in str(doubt)]


@pytest.mark.parametrize("question", ["", " ", "?", "\x00", "salary", "给我 工资", "a" * 9000, "the 'salary' of"])
def test_odd_questions(staff: Database, question: str) -> None:
    words = SchemaWords.of(staff.schema())
    assert find_doubts(question, words) == ()
    assert find_doubts("the salary of all", SchemaWords.of(Schema("empty", ()))) == (Doubt("salary", (4, 10)),)


@pytest.mark.data
def test_it_is_quiet_where_everything_may_be_seen(shared: Path) -> None:
    """On questions of Spider's dev set whose schema is known in full it speaks of few, most of them misspelt."""
    spider = load(shared / "data" / "nl2sql" / "spider")
    spoke = 0
    items = sample_items(spider.present, 100, seed=7)
    for name in sorted({item.db_id for item in items}):
        with Database(spider.databases[name], isolated=False) as database:
            index = ValueIndex.build(database)
            words = SchemaWords.of(database.schema().enriched(spider.schemas[name]))
            for item in (item for item in items if item.db_id == name):
                hits, ranges = index.lookup(item.question), index.ranges(item.question)
                spoke += bool(find_doubts(item.question, words, hits=hits, ranges=ranges))
    assert spoke <= 10


def _contacts(path: Path, *, mobile: bool) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        columns = ["id INTEGER PRIMARY KEY", *(f"{name} TEXT" for name in ("name", "city", "phone", "pin"))]
        connection.execute(f"CREATE TABLE employee ({', '.join(columns)}{', mobile TEXT' if mobile else ''})")
        connection.execute(f"INSERT INTO employee VALUES (1, 'Ann', 'Paris', '11', '3'{', 22' if mobile else ''})")
    return path


def test_a_hidden_column_is_not_answered_from_a_like_one_without_a_word(tmp_path: Path) -> None:
    question = "What is the mobile of Ann?"
    answers = []
    for there in (True, False):
        with Database(_contacts(tmp_path / f"{there}.sqlite", mobile=there), isolated=False, name="staff") as database:
            seen = [ColumnRef("employee", name) for name in ("id", "name", "city", "phone")]
            pipeline = Pipeline(database, config=PipelineConfig(schema=database.schema().subset(seen)))
            answers.append(pipeline.ask(question))
            assert pipeline.ask("What is the phone of Ann?").outcome == "answered"
            assert pipeline.ask("How many staff are in Paris?").outcome == "answered"  # a table, in other words
            if not there:  # who sees all of it is told of the best reading
                assert Pipeline(database).ask(question).outcome == "answered"
    hidden, absent = answers
    assert (hidden.sql, hidden.rows, hidden.outcome) == (absent.sql, (("11",),), "tentative")
    assert hidden.doubts == absent.doubts  # so that no name can be found out by guessing
    assert [doubt.text for doubt in hidden.doubts] == ["mobile"]
    assert "a part of this database is withheld from you" in str(hidden.doubts[0])


def test_evidence_and_values_explain_words_there_too(staff: Database, index: ValueIndex) -> None:
    pipeline = Pipeline(staff, values=index, config=PipelineConfig(schema=staff.schema().subset(SEEN)))
    answer = pipeline.ask("How many employees are in the Sales department?")
    assert "withheld" not in "".join(map(str, answer.doubts))
    answer = pipeline.ask("Which employees are veterans?", "a veteran was hired before 2021")
    assert "withheld" not in "".join(map(str, answer.doubts))


def test_a_name_is_not_taken_from_another_table_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "shows.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("""
            CREATE TABLE stadium (id INTEGER PRIMARY KEY, label TEXT, place TEXT, capacity INTEGER);
            CREATE TABLE concert (id INTEGER PRIMARY KEY, title TEXT, stadium_id INTEGER REFERENCES stadium(id));
            INSERT INTO stadium VALUES (1, 'Arena', 'Oslo', 7000);
            INSERT INTO concert VALUES (1, 'Requiem', 1);
        """)
    with Database(path, isolated=False) as database:
        whole = database.schema()
        schema = whole.subset([ref for ref in whole.refs() if ref != ColumnRef("stadium", "label")])
        retrieve = next(step for step in Pipeline(database).steps if isinstance(step, RetrieveValues))
        join = "FROM stadium AS s JOIN concert AS c ON s.id = c.stadium_id"
        told = {
            (question, columns, visible is whole): _told_of(retrieve, question, f"SELECT {columns} {join}", visible)
            for question in ("Show the place and title of each stadium", "Show the title of each concert per stadium")
            for columns in ("s.place, c.title", "s.place")
            for visible in (schema, whole)
        }
    doubted = [key for key, doubts in told.items() if doubts]
    assert doubted == [("Show the place and title of each stadium", "s.place, c.title", False)]
    assert "'title' is shown of the table 'concert', which the question does not name" in told[doubted[0]]


def _told_of(retrieve: RetrieveValues, question: str, sql: str, schema: Schema) -> str:
    """The doubts that the step adds to a sure answer by that query."""
    executed = (Executed(Candidate(sql, "test"), sql),)
    state = State(
        question, schema, executed=executed, selection=Selection(0, 1.0), assessment=Assessment("answered", 0.9)
    )
    after = NoteWithheld(retrieve).run(state).assessment
    assert after is not None
    assert (after.outcome == "tentative") == bool(after.doubts)
    return "; ".join(map(str, after.doubts))


@pytest.mark.parametrize("hidden", ["date", "name"])
def test_a_word_that_most_questions_have_is_missed_where_it_is_withheld(tmp_path: Path, hidden: str) -> None:
    path = tmp_path / "battles.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE battle (id INTEGER PRIMARY KEY, name TEXT, result TEXT, date TEXT)")
        connection.execute("INSERT INTO battle VALUES (1, 'Varna', 'lost', '1444')")
    question = "List the name, date and result of each battle."
    with Database(path, isolated=False) as database:
        seen = [ref for ref in database.schema().refs() if ref.column != hidden]
        answer = Pipeline(database, config=PipelineConfig(schema=database.schema().subset(seen))).ask(question)
        assert answer.outcome == "tentative"
        assert [doubt.text for doubt in answer.doubts if "withheld" in str(doubt)] == [hidden]
        assert "withheld" not in "".join(map(str, Pipeline(database).ask(question).doubts))
