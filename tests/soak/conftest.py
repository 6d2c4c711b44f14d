"""Platforms to soak: a copy of the migrated database, and servers of their own for what would disturb others."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase, clone, drop, provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.project.project import Project
from tests.soak.figures import Figures
from tests.soak.processes import ROOT
from tests.soak.scale import LONG, MAX_CONNECTIONS
from tests.soak.tenants import Platform
from tests.support.report import Report

TENANTS = 4


@pytest.fixture(scope="session")
def figures(postgres: str) -> Iterator[Figures]:
    yield from write_figures("soak", postgres)


def write_figures(suite: str, postgres: str) -> Iterator[Figures]:
    report = Report(suite, "long" if LONG else "short")
    with psycopg.connect(postgres) as admin:
        report.versions["postgresql"] = admin.info.parameter_status("server_version") or ""
    report.versions["libpq"] = str(psycopg.pq.version())
    yield Figures(report)
    report.write()


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


@pytest.fixture(scope="session")
def small() -> Iterator[Platform]:
    """Four tenants on a server of their own with few connections; its roles are nobody else's."""
    project = Project.find(ROOT)
    with EmbeddedPostgres.start(durable=False, settings={"max_connections": str(MAX_CONNECTIONS)}) as server:
        migrations = load(project.migrations, root=project.root)
        platform = Platform(provision(server.url, "soak", migrations, extensions=project.extensions), TENANTS)
        yield platform
        platform.close()
