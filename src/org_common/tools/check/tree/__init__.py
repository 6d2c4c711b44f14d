"""Statements as PostgreSQL has analyzed them: their parse trees, and what the catalog says about them."""
