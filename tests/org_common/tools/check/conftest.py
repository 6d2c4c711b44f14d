"""A small shop: its migrated database, and a way to check code that is written in a test."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from org_common.tools.check.check import Report, check
from org_common.tools.check.finding import Finding
from org_common.tools.check.planner import Planner, open_planner
from org_common.tools.database.local import LocalDatabase, drop, provision
from org_common.tools.database.migrations import load
from org_common.tools.project.apps import load as load_apps
from org_common.tools.project.project import Project

MIGRATION = """
create schema shop;
grant usage on schema shop to authenticated, app_sys, app_service;
create type shop.size as enum ('small', 'large');
create domain shop.color as text check (value in ('red', 'blue'));
create domain shop.code as text not null;

create table shop.orders (
  id uuid primary key,
  org_id uuid not null,
  title text not null,
  note text,
  size shop.size not null,
  color shop.color not null,
  status text not null check (status in ('open', 'paid', 'sent')),
  count int not null,
  price numeric not null,
  details jsonb not null,
  tags text[] not null,
  placed_at timestamptz not null
);
create index on shop.orders (org_id, placed_at, id);
create table shop.buyers (order_id uuid primary key references shop.orders, name text not null, phone text);
create table shop.codes (code shop.code, maybe text);
create table shop.secrets (id uuid primary key, secret text not null);
create view shop.overview as
  select o.id, o.title, b.name as buyer from shop.orders o left join shop.buyers b on b.order_id = o.id;
create function shop.first_order() returns shop.orders language sql stable return (select o from shop.orders o limit 1);

do $$
declare
  tbl text;
begin
  foreach tbl in array array['orders', 'buyers', 'codes', 'secrets'] loop
    execute format('alter table shop.%I enable row level security, force row level security', tbl);
    execute format('create policy every on shop.%I to authenticated, app_service using (true)', tbl);
  end loop;
end $$;
grant select, insert, update, delete on shop.orders, shop.buyers, shop.codes to authenticated;
grant select on shop.overview to authenticated;
grant select, delete on shop.secrets to app_service;
revoke execute on function shop.first_order() from public;
grant execute on function shop.first_order() to authenticated;
"""
HEADER = """
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID
from org_common import *
from org_common import SIGNED_IN
app = App("shop")
"""
_numbers = count(1)


@pytest.fixture(scope="session")
def shop(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDatabase]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "0001_shop.sql").write_text(MIGRATION)
    database = provision(postgres, "check_shop", load([f"shop={folder}"]))
    yield database
    drop(database)


@pytest.fixture(scope="session")
def planner(shop: LocalDatabase) -> Iterator[Planner]:
    with open_planner(shop.admin_url) as planner:
        yield planner


class Shop:
    """Checks code of a project of its own."""

    def __init__(self, folder: Path, planner: Planner) -> None:
        self.folder = folder
        self.planner = planner
        self.file = folder / "none.py"

    def project(self, code: str, **others: str) -> Project:
        self.unload()
        self.file.unlink(missing_ok=True)
        name = f"check_shop_{next(_numbers)}"
        self.file = self.folder / f"{name}.py"
        self.file.write_text(HEADER + textwrap.dedent(code))
        for other, text in others.items():
            (self.folder / f"{other}.py").write_text(textwrap.dedent(text))
        (self.folder / "pyproject.toml").write_text(f'[tool.org-common]\napps = ["{name}:app"]\n')
        return Project.find(self.folder)

    def unload(self) -> None:
        """Forget the modules of the folder: those that are loaded are checked."""
        for name, module in [*sys.modules.items()]:
            if str(getattr(module, "__file__", None)).startswith(f"{self.folder}/"):
                del sys.modules[name]

    def check(self, code: str, **others: str) -> Report:
        project = self.project(code, **others)
        return check(project, load_apps(project), self.planner)

    def finding(self, code: str, **others: str) -> Finding:
        report = self.check(code, **others)
        assert len(report.findings) == 1, report.findings
        return report.findings[0]

    def line_of(self, text: str) -> int:
        """The number of the line that begins with a text."""
        lines = self.file.read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if line.strip().startswith(text))

    def line(self, finding: Finding) -> str:
        """The line of the code that a finding is about."""
        return Path(finding.file).read_text().splitlines()[finding.line - 1].strip()


@pytest.fixture
def code(tmp_path: Path, planner: Planner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    shop = Shop(tmp_path, planner)
    yield shop
    shop.unload()
