"""Any value that a driver may give is a cell; URLs are taken apart."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.errors import UsageError
from ctxprune.sql.database.drivers.cells import cell
from ctxprune.sql.database.drivers.server_url import ServerURL


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, 1),
        (2**70, 2**70),
        (math.nan, None),
        (-math.inf, -math.inf),
        (Decimal("2.50"), 2.5),
        (Decimal("7.00"), 7),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
        (Decimal("1E+5000"), "1E+5000"),
        (Decimal("NaN"), None),
        (Decimal("-Infinity"), -math.inf),
        (bytearray(b"\x00"), b"\x00"),
        (memoryview(b"x"), b"x"),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 2, 29, 1, 2, 3), "2024-02-29 01:02:03"),
        (datetime(2024, 2, 29, tzinfo=UTC), "2024-02-29 00:00:00+00:00"),
        (time(1, 2, 3, 500_000), "01:02:03.500000"),
        (timedelta(days=1, hours=2), "P1DT7200S"),
        (timedelta(seconds=-0.5), "-PT0.5S"),
        (timedelta(0), "PT0S"),
        (timedelta(days=3), "P3D"),
        ([1, None, date(2024, 1, 1), b"\xff"], '[1, null, "2024-01-01", "ff"]'),
        ({"ä": (Decimal("1.5"),)}, '{"ä": [1.5]}'),
        ({date(2024, 1, 1): {1: True}, None: math.nan}, '{"2024-01-01": {"1": true}, "None": null}'),
        ([math.inf, b"\xff"], '["inf", "ff"]'),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ({"x"}, "{'x'}"),
    ],
)
def test_cells(value, expected):
    found = cell(value)
    assert (type(found), found) == (type(expected), expected)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_decimals_stay_exact(value):
    assert Decimal(str(cell(value))) == value


def test_a_url_keeps_its_password_to_itself():
    url = ServerURL.parse("postgresql+psycopg://u:p%40ss@[::1]:5433/shop?sslmode=require", frozenset({"sslmode"}))
    assert (url.kind, url.user, url.password, url.host, url.port, url.name) == (
        *("postgresql", "u", "p@ss", "::1", 5433, "shop"),
    )
    assert str(url) == "postgresql://u@[::1]:5433/shop"
    assert "p@ss" not in repr(url)
    with pytest.raises(UsageError, match="percent-encode the password") as refused:
        ServerURL.parse("postgresql://reader:rd:p@ss/1@127.0.0.1:55436/clinic", frozenset())
    assert not any(part in str(refused.value) for part in ("reader", "rd:p", "ss/1", "127.0.0.1", "clinic"))
    with pytest.raises(UsageError, match="'local_infile' of a database URL is not allowed"):
        ServerURL.parse("mysql://u@h/d?local_infile=1", frozenset())
