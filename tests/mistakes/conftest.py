"""One database for the mistakes of a session: each makes the schema `desk` anew."""

import uuid
from collections.abc import Iterator

import pytest

from cora_modules import demo
from org_common.tools.database.local import LocalDatabase, clone, drop
from tests.support.lab import ISSUER


@pytest.fixture(scope="session")
def desk_database(database_template: LocalDatabase) -> Iterator[LocalDatabase]:
    local = clone(database_template, f"desk_{uuid.uuid4().hex}")
    demo.seed(local.admin_url, ISSUER)
    yield local
    drop(local)
