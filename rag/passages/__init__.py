"""Passages: text as sentence units with exact character spans."""
