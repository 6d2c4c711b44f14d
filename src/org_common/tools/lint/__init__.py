"""Checks a database's catalog for faults of tenant isolation: rules over one snapshot, which needs no right to rows."""
