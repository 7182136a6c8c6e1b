"""Recipes: a paper's method as data, and the registries of the pieces they name."""
