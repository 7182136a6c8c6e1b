"""Every identifier of a resolved statement must be accounted for by the place where it stands.

sqlglot keeps some names as bare identifiers: below a lambda, left of a dot, wherever a grammar is unusual. Nothing
looks them up, and a database may take one for a column. So the places where an identifier is no column are listed
here, and one that stands anywhere else is refused.
"""

from __future__ import annotations

from sqlglot import exp

from ._refusal import Refusal, shown
from ._scope import BOUND, fold

__all__ = ["UNBOUND", "check_places", "parameters"]

UNBOUND = (exp.Partition, exp.Pivot, exp.Star)
"""Below these a column is no name to look up: a partition, or columns of what was narrowed already."""

_PLACES = frozenset(
    (
        # A new name begins here, or a window is called by its own.
        *(("Alias", "alias"), ("TableAlias", "this"), ("TableAlias", "columns"), ("Unnest", "offset")),
        *(("ColumnDef", "this"), ("JSONColumnDef", "this"), ("Window", "alias"), ("Window", "this")),
        *(("Lambda", "expressions"), ("Comprehension", "expression"), ("Comprehension", "position")),
        # A field, an argument, a collation, an index, a character set, a type or a function is named.
        *(("PropertyEQ", "this"), ("Kwarg", "this"), ("Dot", "expression"), ("Collate", "expression")),
        *(("IndexTableHint", "expressions"), ("Introducer", "this"), ("DataType", "kind"), ("Anonymous", "this")),
    )
)


def check_places(tree: exp.Expr) -> None:
    """Look at every name of a statement whose columns and tables were bound.

    Raises:
        Refusal: A name was not looked up and stands where it could be a column.
    """
    for node in tree.find_all(exp.Column, exp.Table, exp.Identifier):
        if isinstance(node, exp.Identifier):
            known = _is_accounted(node)
        elif isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
            known = True  # a function, which has been judged as one
        else:
            known = bool(node.meta.get(BOUND))
        if not known and node.find_ancestor(*UNBOUND) is None:
            raise Refusal(f"the name {shown(node.name)} is not allowed here")


def parameters(node: exp.Expr) -> frozenset[str]:
    """Folded names of what a lambda or a list comprehension calls its elements."""
    own = isinstance(node, exp.Lambda)
    names = node.expressions if own else [node.args.get("expression"), node.args.get("position")]
    return frozenset(fold(name.name) for name in names if isinstance(name, exp.Expr))


def _is_accounted(node: exp.Identifier) -> bool:
    parent, key = node.parent, str(node.arg_key)
    if isinstance(parent, (exp.Column, exp.Table)):
        return True  # judged with its column or table
    if parent is None or (type(parent).__name__, key) in _PLACES:
        return parent is not None
    if isinstance(parent, exp.Join) and key == "using":
        return bool(node.meta.get(BOUND))
    return _is_parameter(node)


def _is_parameter(node: exp.Identifier) -> bool:
    """Whether a lambda or a list comprehension around `node` calls its element so."""
    name, around = fold(node.name), node.find_ancestor(exp.Lambda, exp.Comprehension)
    while around is not None:
        if name in parameters(around):
            return True
        around = around.find_ancestor(exp.Lambda, exp.Comprehension)
    return False
