"""Kinds in a lookup table ("how many dogs") are the rows that refer to it, and no answer about them is sure."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.sql.database.database import Database
from ctxprune.sql.pipeline.pipeline import Pipeline
from ctxprune.sql.schema.lookups import is_lookup, referring_tables, rows_of_kind
from ctxprune.sql.trust.outcome import ANSWERED, GUESS_BELOW, TENTATIVE

VET = """
    CREATE TABLE species (code TEXT PRIMARY KEY, description TEXT);
    CREATE TABLE tbl_owner (owner_id INTEGER PRIMARY KEY, "Full Name" TEXT, phone TEXT);
    CREATE TABLE animal (animal_id INTEGER PRIMARY KEY, nm TEXT, species_cd TEXT REFERENCES species(code),
        owner_id INTEGER REFERENCES tbl_owner(owner_id), dob DATE, "weight (kg)" REAL);
    CREATE TABLE visit (visit_id INTEGER PRIMARY KEY, animal_id INTEGER REFERENCES animal(animal_id), day DATE);
    INSERT INTO species VALUES ('D', 'dog'), ('C', 'cat'), ('R', 'rabbit');
    INSERT INTO tbl_owner VALUES (1, 'Maria Schmidt', '1'), (2, 'John Miller', '2');
    INSERT INTO animal VALUES (1, 'Bella', 'D', 1, '2015-03-01', 22.5), (2, 'Rex', 'D', 2, '2018-07-11', 31),
        (3, 'Milo', 'C', 1, '2020-01-05', 4.2), (4, 'Luna', 'C', 2, '2012-12-12', 3.9),
        (5, 'Bo', 'D', 2, '2014-02-02', 28);
    INSERT INTO visit VALUES (1, 1, '2023-01-10'), (2, 1, '2023-02-11'), (3, 4, '2023-03-01');
    """
SECOND = """
    CREATE TABLE food (food_id INTEGER PRIMARY KEY, brand TEXT, species_cd TEXT REFERENCES species(code));
    INSERT INTO food VALUES (1, 'Chow', 'D');
    """
FILMS = """
    CREATE TABLE genre (genre_id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE film (film_id INTEGER PRIMARY KEY, title TEXT, minutes INTEGER);
    CREATE TABLE film_genre (film_id INTEGER REFERENCES film(film_id), genre_id INTEGER REFERENCES genre(genre_id));
    INSERT INTO genre VALUES (1, 'comedy'), (2, 'horror');
    INSERT INTO film VALUES (1, 'A', 90), (2, 'B', 95), (3, 'C', 99);
    INSERT INTO film_genre VALUES (1, 1), (2, 1), (3, 2);
    """


def _pipeline(folder: Path, script: str) -> Iterator[Pipeline]:
    path = folder / "vet.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(script)
    with Database(path, isolated=False) as database:
        yield Pipeline(database)


@pytest.fixture(scope="module")
def vet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    yield from _pipeline(tmp_path_factory.mktemp("vet"), VET)


@pytest.fixture(scope="module")
def vet_with_food(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    yield from _pipeline(tmp_path_factory.mktemp("food"), VET + SECOND)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    yield from _pipeline(tmp_path_factory.mktemp("films"), FILMS)


@pytest.mark.parametrize(
    ("question", "rows"),
    [("How many dogs are there?", 3), ("How many cats do we have?", 2), ("number of dogs", 3)],
)
def test_a_kind_is_counted_as_the_rows_that_refer_to_it(vet: Pipeline, question: str, rows: int) -> None:
    answer = vet.ask(question)
    assert (answer.rows, answer.outcome) == (((rows,),), TENTATIVE)
    assert "is read as a kind: counted are rows of animal" in str(answer.doubts[0])
    assert "species" in answer.other_sql
    assert "animal" not in answer.other_sql


def test_the_lookup_table_itself_is_counted_where_it_is_named(vet: Pipeline) -> None:
    answer = vet.ask("How many species are there?")
    assert (answer.rows, answer.outcome) == (((3,),), ANSWERED)


def test_the_rows_of_a_kind_are_listed(vet: Pipeline) -> None:
    assert {row[0] for row in vet.ask("list the dogs").rows} == {"Bella", "Rex", "Bo"}


def test_of_two_tables_that_refer_to_a_kind_neither_is_sure(vet_with_food: Pipeline) -> None:
    answer = vet_with_food.ask("How many dogs are there?")
    assert answer.outcome == TENTATIVE
    assert answer.doubts


def test_a_table_of_keys_stands_for_the_table_behind_it(films: Pipeline) -> None:
    assert rows_of_kind(films.schema, "genre") == ("film",)
    answer = films.ask("How many comedies are there?")
    assert answer.outcome != ANSWERED or answer.rows == ((2,),)


def test_what_a_lookup_table_is(vet: Pipeline) -> None:
    schema = vet.schema
    assert [table.name for table in schema.tables if is_lookup(schema, table.name)] == ["species", "tbl_owner"]
    assert referring_tables(schema, "species") == ("animal",)
    assert referring_tables(schema, "nothing") == ()


def test_who_asks_for_the_name_of_the_one_who_does_it(vet: Pipeline) -> None:
    answer = vet.ask("Who owns Bella?")
    assert answer.rows == (("Maria Schmidt",),)


def test_what_is_not_in_the_database_is_refused(vet: Pipeline) -> None:
    answer = vet.ask("What is the blood type of Rex?")
    assert answer.refused
    assert "nothing that you may see in it stands for 'blood'" in answer.reason
    guess = vet.ask("Which animal has a microchip?")
    assert guess.confidence < GUESS_BELOW
    assert guess.unused == ("microchip",)
