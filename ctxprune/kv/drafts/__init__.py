"""Speculative decoding whose drafts are copied from retrieved text."""
