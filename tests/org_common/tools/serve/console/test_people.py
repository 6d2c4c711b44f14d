"""The demo users: tokens that the local server accepts, and the claims that policies see."""

import json
from pathlib import Path

import pytest

from org_common.tools.project.project import ToolError
from org_common.tools.serve.console.people import People
from org_common.tools.serve.issuer import ISSUER, LocalIssuer


def test_token_is_accepted_by_the_local_server(tmp_path: Path) -> None:
    issuer = LocalIssuer.load(tmp_path)

    claims = json.loads(issuer.authorize(f"Bearer {People(['alice'], issuer).token('alice')}"))

    assert (claims["iss"], claims["sub"]) == (ISSUER, "local|alice")


def test_claims_are_those_of_a_request(tmp_path: Path) -> None:
    people = People(["alice"], LocalIssuer.load(tmp_path))

    claims = json.loads(people.claims("alice", "authenticated"))

    assert claims["role"] == "authenticated"
    assert people.by_subject == {claims["sub"]: "alice"}


def test_unknown_user_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="there is no demo user 'mallory'. Demo users: alice"):
        People(["alice"], LocalIssuer.load(tmp_path)).token("mallory")


def test_project_without_a_demo_has_no_users() -> None:
    with pytest.raises(ToolError, match="the project has no demo module"):
        People().token("alice")
