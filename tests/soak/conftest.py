"""Platforms to soak: a copy of the migrated database, and servers of their own for what would disturb others."""

import uuid
from collections.abc import Iterator

import pytest

from org_common.tools.local import LocalDatabase, clone, drop
from tests.soak.tenants import Platform

TENANTS = 4


@pytest.fixture(scope="session")
def shared_platform(database_template: LocalDatabase) -> Iterator[Platform]:
    local = clone(database_template, f"soak_{uuid.uuid4().hex}")
    platform = Platform(local, TENANTS)
    yield platform
    platform.close()
    drop(local)


@pytest.fixture
def platform(shared_platform: Platform) -> Platform:
    """Four tenants, without items."""
    shared_platform.clear()
    return shared_platform
