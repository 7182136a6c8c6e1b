"""What the makers of rows share: days, times and seconds drawn from one random generator."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta, timezone

__all__ = ["Rows", "day", "moment", "seconds"]

Rows = list[tuple[object, ...]]


def day(chance: random.Random, first: date, last: date) -> date:
    return first + timedelta(days=chance.randrange((last - first).days + 1))


def moment(
    chance: random.Random, at: date, *, hours: tuple[int, int] = (0, 24), to_the_second: bool = False
) -> datetime:
    """A time of that day, from the first hour to before the second."""
    hour, minute = chance.randrange(*hours), chance.randrange(60)
    return datetime(at.year, at.month, at.day, hour, minute, chance.randrange(60) if to_the_second else 0)


def seconds(at: datetime) -> int:
    return int(at.replace(tzinfo=timezone.utc).timestamp())  # noqa: UP017  # as in Python 3.11's own documentation
