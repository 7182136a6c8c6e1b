"""Runs: a recipe applied to a model until a target is met, searched and reported."""
