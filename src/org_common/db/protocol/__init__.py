"""Statements and their exchange with PostgreSQL: one round trip at a time."""
