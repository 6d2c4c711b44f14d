"""Proves that no tenant reaches another tenant's rows, for every table and function in the catalog of a database."""
