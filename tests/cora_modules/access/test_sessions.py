"""The routes of the caller's sessions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from org_common.testing.client import ISSUER
from tests.cora_modules.access.world import IDS, TokenHolder, World

pytestmark = pytest.mark.db


def sessions(world: World, name: str) -> list[dict[str, Any]]:
    rows = [row for row in world.rows("user_sessions") if row["user_id"] == IDS[name]]
    return sorted(rows, key=lambda row: row["started_at"])


def test_session_has_the_token_and_the_user_agent(world: World) -> None:
    response = world.as_(TokenHolder("bob", jti="t1")).post("/users/me/session", headers={"user-agent": "curl/8"})

    (session,) = sessions(world, "bob")
    assert (response.status, list(response.json())) == (201, ["startedAt", "expiresAt", "userAgent"])
    assert response.json()["userAgent"] == "curl/8"
    assert (session["issuer"], session["token_id"], session["user_agent"]) == (ISSUER, "t1", "curl/8")
    assert session["expires_at"] - datetime.now(UTC) < timedelta(hours=1)
    assert (session["created_by"], session["ended_at"]) == (IDS["bob"], None)


def test_same_token_continues_its_session(world: World) -> None:
    bob = world.as_(TokenHolder("bob", jti="t1"))

    first, again = bob.post("/users/me/session").json(), bob.post("/users/me/session").json()

    assert first["startedAt"] == again["startedAt"]
    assert len(sessions(world, "bob")) == 1


def test_another_token_is_another_session(world: World) -> None:
    for token in ("t1", "t2"):
        world.as_(TokenHolder("bob", jti=token)).post("/users/me/session")

    assert [row["token_id"] for row in sessions(world, "bob")] == ["t1", "t2"]


def test_long_user_agent_is_truncated(world: World) -> None:
    response = world.as_("bob").post("/users/me/session", headers={"user-agent": "x" * 5000})

    assert response.json()["userAgent"] == "x" * 400


def test_sign_out_ends_all_sessions_of_the_user_only(world: World) -> None:
    for token in ("t1", "t2"):
        world.as_(TokenHolder("bob", jti=token)).post("/users/me/session")

    response = world.as_(TokenHolder("bob", jti="t3")).delete("/users/me/session")

    assert response.status == 204
    assert [row["ended_at"] is None for row in sessions(world, "bob")] == [False, False]
    assert [row["ended_at"] for row in sessions(world, "alice")] == [None]


def test_sign_out_without_a_session_is_not_found(readonly_world: World) -> None:
    assert readonly_world.as_("bob").delete("/users/me/session").status == 404


def test_sign_in_and_sign_out_are_in_the_log(world: World) -> None:
    bob = world.as_("bob")
    bob.post("/users/me/session")
    bob.delete("/users/me/session")

    lines = [row for row in world.rows("auth_log") if row["user_id"] == IDS["bob"]]
    assert sorted(row["event"] for row in lines) == ["session_ended", "session_started"]
    assert {(row["issuer"], row["subject"], row["created_by"]) for row in lines} == {(ISSUER, "local|bob", IDS["bob"])}
