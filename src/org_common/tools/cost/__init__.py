"""Measures what row-level security costs on large tables."""
