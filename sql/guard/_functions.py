"""Functions that may be called, by name and dialect: computation only.

Left out is what reads files, settings, catalogues or sessions, writes, sleeps, locks, signals, opens connections, loads
code, runs a query given as text, or makes values of any size out of nothing.
"""

from __future__ import annotations

__all__ = ["FUNCTIONS"]

_ALL = """
    abs acos asin atan atan2 avg cast ceil ceiling coalesce concat concat_ws cos count cume_dist current_date
    current_time current_timestamp date degrees dense_rank exp first_value floor group_concat lag last_value lead length
    ln log log10 log2 lower ltrim max min mod nth_value ntile nullif percent_rank pi pow power radians rank
    replace round    row_number rtrim sign sin sqrt substr substring sum tan trim upper
"""
_SQLITE = """
    acosh asinh atanh char cosh date datetime format glob hex if ifnull iif instr json json_array json_array_length
    json_each json_error_position json_extract json_group_array json_group_object json_insert json_object json_patch
    json_pretty json_quote json_remove json_replace json_set json_tree json_type json_valid jsonb jsonb_array jsonb_each
    jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace
    jsonb_set jsonb_tree julianday like likelihood likely median nullif octet_length percentile percentile_cont
    percentile_disc printf quote random regexp sinh soundex strftime string_agg tanh time timediff total trunc typeof
    unhex unicode unistr unistr_quote unixepoch unlikely generate_series
    stddev stddev_pop stddev_samp var_pop var_samp variance
"""
_POSTGRES = """
    age any_value date_part date_trunc extract now
"""
_MYSQL = """
    date_format year month day now
"""
_DUCKDB = """
    year month day now
"""


def _names(*blocks: str) -> frozenset[str]:
    return frozenset(name for block in (_ALL, *blocks) for name in block.split())


FUNCTIONS = {
    "sqlite": _names(_SQLITE),
    "postgres": _names(_POSTGRES),
    "mysql": _names(_MYSQL),
    "duckdb": _names(_DUCKDB),
}
