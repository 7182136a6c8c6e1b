"""Scorers made of other scorers: fusion, cascades, dispatch by kind of context."""
