"""Types that a caller may name: a type of a user's own tells what it is made of.

In PostgreSQL every table is a type (`row_to_json(NULL::staff)` lists the columns of staff), and
`enum_range(NULL::mood)` lists the labels of an enumeration. So besides built-in types, types of visible columns and of
well-known extensions nothing may be named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from ._refusal import Refusal, shown
from ._scope import fold

if TYPE_CHECKING:
    from ._scope import Catalog

__all__ = ["check_type"]

_NAMES = """
    bit box box2d box3d bpchar char cidr circle citext cube date float4 float8 geography geometry halfvec hstore inet
    int2 int4 int8 interval json jsonb jsonpath line lseg lquery ltree ltxtquery macaddr macaddr8 money name numeric
    path point polygon raster sparsevec text time timestamp timestamptz timetz tsquery tsvector uuid varbit varchar
    vector xml
"""
_KNOWN = frozenset(_NAMES.split())


def check_type(node: exp.DataType, catalog: Catalog) -> None:
    """Check one type of a statement against what the caller may see.

    Raises:
        Refusal: It is a type of the database's own that no visible column has.
    """
    kind = node.args.get("kind")
    if catalog.dialect not in ("duckdb", "postgres") or node.this is not exp.DType.USERDEFINED or kind is None:
        return
    written = (kind.name if isinstance(kind, exp.Expr) else str(kind)).strip('"')
    name = fold(written)
    if catalog.dialect == "postgres" and written != name and isinstance(kind, exp.Expr) and kind.args.get("quoted"):
        raise Refusal(f"the type {shown(written)} is not in the schema")  # in quotes "Mood" is another type than mood
    if (catalog.dialect == "postgres" and name in _KNOWN) or (name in catalog.types and not catalog.has_table(name)):
        return
    raise Refusal(f"the type {shown(name)} is not in the schema")
