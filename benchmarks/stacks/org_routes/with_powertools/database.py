"""Transactions as the caller, under row-level security."""

import os
from contextlib import contextmanager

import psycopg
from by_hand import CLAIMS, IDENTIFY
from psycopg.rows import dict_row

connections = []


def connect():
    """The connection of this environment, opened again once it is broken."""
    if connections and connections[0].closed:
        connections.clear()
    if not connections:
        connections.append(psycopg.connect(os.environ["DATABASE_URL"], row_factory=dict_row))
    return connections[0]


@contextmanager
def transaction(claims):
    connection = connect()
    with connection.transaction():
        connection.execute(CLAIMS, [claims])
        connection.execute(IDENTIFY)
        yield connection
