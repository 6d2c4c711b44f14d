"""Chooses by numbers: simulates ways to run a function, their database connections, and their price."""
