"""Policies for retrieved documents: duplicates, neighbours, whole documents."""
