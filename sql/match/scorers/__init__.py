"""Scorers of column pairs, one file each; `ctxprune.sql.match.base.MATCH_SCORERS` lists them."""
