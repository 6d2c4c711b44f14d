"""SQL is a literal: what was put together at run time is where injection lives."""

from org_common import Check, Model, Reader, Transaction


class Org(Model):
    name: str


def find(db: Reader, name: str) -> Org:
    return db.one(Org, f"select name from orgs where name = '{name}'")  # by basedpyright: reportArgumentType


def rename(tx: Transaction, name: str) -> None:
    tx.run("update orgs set name = '" + name + "'", rows=1)  # by basedpyright: reportArgumentType


def rule(role: str) -> Check:
    return Check(f"app.has_org_role(%(org_id)s, '{role}')")  # by basedpyright: reportArgumentType
