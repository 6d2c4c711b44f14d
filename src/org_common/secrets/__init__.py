"""Secrets: fetched by reference, kept for a while, never shown."""
