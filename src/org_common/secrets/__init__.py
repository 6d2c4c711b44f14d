"""Secrets: fetched by reference, cached for a while, never printed."""
