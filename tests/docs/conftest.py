"""A PostgreSQL of these tests' own: migrations from nothing change roles, and roles belong to the whole server."""

from collections.abc import Iterator

import pytest

from org_common.tools.database.postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(durable=False) as started:
        yield started
