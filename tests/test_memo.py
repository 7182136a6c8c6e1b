"""Remembering per context: only what cannot have changed, only while the context lives."""

from __future__ import annotations

import gc
import pickle

from ctxprune.context.base import Unit
from ctxprune.context.memo import ContextMemo


class Fixed:
    def __init__(self) -> None:
        self.units = (Unit("a"),)


class Slotted:
    __slots__ = ("units",)

    def __init__(self) -> None:
        self.units = (Unit("a"),)


def _calls(context, times: int = 3) -> tuple[ContextMemo[object], int]:
    memo: ContextMemo[object] = ContextMemo()
    built: list[object] = []

    def build() -> object:
        built.append(object())
        return built[-1]

    answers = [memo.get(context, build) for _ in range(times)]
    assert answers[-1] is built[-1]
    return memo, len(built)


def test_a_context_with_one_tuple_of_units_is_built_once() -> None:
    assert _calls(Fixed())[1] == 1


def test_lists_and_objects_without_weak_references_are_built_each_time() -> None:
    changing = Fixed()
    changing.units = [Unit("a")]
    assert _calls(changing)[1] == 3
    assert _calls(Slotted())[1] == 3


def test_new_units_are_never_answered_from_memory() -> None:
    context, memo = Fixed(), ContextMemo[int]()
    assert memo.get(context, lambda: 1) == 1
    context.units = (Unit("b"),)
    assert memo.get(context, lambda: 2) == 2


def test_a_dead_context_is_forgotten_and_its_successor_built_anew() -> None:
    memo: ContextMemo[int] = ContextMemo()
    for number in range(5):
        context = Fixed()
        assert memo.get(context, lambda number=number: number) == number
        del context
        gc.collect()
    assert memo._entries == {}


def test_it_pickles_empty() -> None:
    memo, _ = _calls(Fixed())
    assert pickle.loads(pickle.dumps(memo))._entries == {}
