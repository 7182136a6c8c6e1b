"""Words of a conversation that ask for nothing."""

from __future__ import annotations

import time

import pytest

from ctxprune.sql.rewrite.courtesies import strip_courtesies


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Great! Can you list all singers?", "Can you list all singers?"),
        ("Hello!  How are you?  What is the name?", "What is the name?"),
        ("sorry , What is the name?", "What is the name?"),
        ("Okay... thanks, and in Paris?", "and in Paris?"),
        ("Thank you. How many are older?", "How many are older?"),
        ("Nice! Can you update that list to show the age?", "Can you also show the age?"),
        ("Please change the results so that it includes the age", "Please also show the age"),
        ("Nice, Paris and Lyon: how many people?", "Nice, Paris and Lyon: how many people?"),
        ("Great, how many are there?", "how many are there?"),
        ("Great", "Great"),
        ("Thanks!", "Thanks!"),
        ("Great Lakes: which are the largest?", "Great Lakes: which are the largest?"),
        ("Good restaurants in Paris?", "Good restaurants in Paris?"),
        ("Update the city to show Paris", "Update the city to show Paris"),
        ("Change the list of cities", "Change the list of cities"),
        ("Hello, delete the list", "delete the list"),
    ],
)
def test_openings_are_left_out_and_nothing_else(text: str, rest: str) -> None:
    assert strip_courtesies(text) == rest


@pytest.mark.parametrize(
    "text", ["great, " * 3_000, "great " * 3_000, "update the list " * 1_000, "hello" + "!" * 9_000]
)
def test_long_texts_take_little_time(text: str) -> None:
    begun = time.process_time()
    strip_courtesies(text)
    assert time.process_time() - begun < 1
