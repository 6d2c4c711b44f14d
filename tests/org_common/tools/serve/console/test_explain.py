"""EXPLAIN of a captured statement: nothing runs, no value shows, and the policies that apply are there."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from org_common.tools.project.project import ToolError
from org_common.tools.serve.console.capture import Capture
from org_common.tools.serve.console.explain import explain, masked
from tests.org_common.tools.serve.console.conftest import ACME, SECRET, statement_of

Ask = Callable[..., Capture]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("(name = 'Ini''tech'::text)", "(name = ***::text)"),
        (r"(name = E'a\\b''c'::text)", "(name = ***::text)"),
        ("(id = ANY ('{1,2}'::integer[]))", "(id = ANY (***::integer[]))"),
        ("(price > 12.5) AND (n = -3) AND (e = 1e+20)", "(price > ***) AND (n = ***) AND (e = ***)"),
        ("(name = 'InitPlan 5'::text)", "(name = ***::text)"),
        ("(is_open = true)", "(is_open = ***)"),
        ('(org_2 = $1) AND ("Year 2020" = (InitPlan 1).col1)', '(org_2 = $1) AND ("Year 2020" = (InitPlan 1).col1)'),
    ],
)
def test_literals_of_a_condition_are_masked(condition: str, expected: str) -> None:
    assert masked(condition) == expected


@pytest.mark.db
def test_plan_shows_tables_and_policies_and_no_values(ask: Ask, urls: Mapping[str, str]) -> None:
    found = explain(statement_of(ask("/orgs"), b"select id"), urls)

    [table] = [each for each in found.tables if each.name == "access.orgs"]
    assert (found.role, table.is_secured, table.is_bypassed, table.commands) == (
        "authenticated",
        True,
        False,
        ["select"],
    )
    [policy] = table.policies
    assert (policy.name, policy.command, policy.is_permissive) == ("members_read", "select", True)
    assert "access.org_ids()" in (policy.using or "")
    assert found.nodes[0].depth == 0
    assert any("access.orgs" in node.what for node in found.nodes)
    assert any(node.details for node in found.nodes)
    shown = json.dumps(asdict(found))
    assert SECRET not in shown
    assert "alice" not in shown


@pytest.mark.db
def test_writing_statement_is_planned_and_not_executed(
    ask: Ask, urls: Mapping[str, str], database: LocalDatabase
) -> None:
    found = explain(statement_of(ask("/rename", method="POST"), b"update"), urls)

    assert found.nodes[0].what.startswith("Update on access.orgs")
    assert {policy.name for table in found.tables for policy in table.policies} == {"members_read", "admins_change"}
    with psycopg.connect(database.admin_url) as admin:
        assert admin.execute("select 1 from access.orgs where name = %s", [SECRET]).fetchone() is None


@pytest.mark.db
def test_statement_without_a_plan_is_refused(ask: Ask, urls: Mapping[str, str]) -> None:
    capture = ask("/rename", method="POST")

    with pytest.raises(ToolError, match="the server cannot explain the statement"):
        explain(statement_of(capture, b"commit"), urls)


@pytest.mark.db
def test_rule_can_be_explained(ask: Ask, urls: Mapping[str, str]) -> None:
    found = explain(statement_of(ask(f"/orgs/{ACME}/members"), b"select app.require("), urls)

    assert found.nodes[0].what == "Result"
