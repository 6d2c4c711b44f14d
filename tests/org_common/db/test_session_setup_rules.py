"""Rules as the server answers them: true goes on, false is 403, null is 404; and how they combine."""

from itertools import product
from typing import LiteralString

import pytest

from org_common.auth.rules import PUBLIC, SIGNED_IN, TOKEN, Check, OrgCheck, Rule, SysCheck
from org_common.db.database import Database
from org_common.values.errors import Forbidden, NotFound, OrgError
from org_common.values.identity import Identity
from org_common.values.types import Deadline
from tests.support.handles import open_reader, open_transaction
from tests.support.lab import ALICE, BOB, CAROL, ROOT, STRANGER, Lab

pytestmark = pytest.mark.db

TRUE, FALSE, NULL = Check("true"), Check("false"), Check("null::boolean")
ANSWERS: dict[bool | None, Rule] = {True: TRUE, False: FALSE, None: NULL}
STATUS = {True: 200, False: 403, None: 404}
ACME = {"org_id": "0198a000-0000-7000-8000-00000000ac3e"}
PAIRS = list(product(ANSWERS, repeat=2))
TRIPLES = list(product(ANSWERS, repeat=3))


def status(db: Database, rule: Rule, identity: Identity | None = ALICE) -> int:
    """What a route under the rule answers."""
    try:
        open_reader(db, rule, identity, ACME, Deadline.after(10)).ensure_authorized()
    except OrgError as error:
        return error.status
    return 200


def any_of(*answers: bool | None) -> bool | None:
    return True if True in answers else False if False in answers else None


def all_of(*answers: bool | None) -> bool | None:
    return None if None in answers else False not in answers


@pytest.mark.parametrize("answer", ANSWERS)
def test_true_false_and_null(db: Database, answer: bool | None) -> None:
    assert status(db, ANSWERS[answer]) == STATUS[answer]


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_or_is_true_if_any_is_else_false_if_any_is(db: Database, left: bool | None, right: bool | None) -> None:
    assert status(db, ANSWERS[left] | ANSWERS[right]) == STATUS[any_of(left, right)]


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_and_is_null_if_any_is_else_false_if_any_is(db: Database, left: bool | None, right: bool | None) -> None:
    assert status(db, ANSWERS[left] & ANSWERS[right]) == STATUS[all_of(left, right)]


def test_they_nest(db: Database) -> None:
    for a, b, c in TRIPLES:
        one, two, three = ANSWERS[a], ANSWERS[b], ANSWERS[c]

        assert status(db, one | two | three) == STATUS[any_of(a, b, c)]
        assert status(db, one & two & three) == STATUS[all_of(a, b, c)]
        assert status(db, (one | two) & three) == STATUS[all_of(any_of(a, b), c)]
        assert status(db, one | two & three) == STATUS[any_of(a, all_of(b, c))]


LOOSE: list[tuple[LiteralString, LiteralString, int]] = [
    ("false or true", "false", 200),
    ("true or false", "false", 403),
    ("null", "true", 404),
    ("exists (select 1)", "1 = 1", 200),
]


@pytest.mark.parametrize(("left", "right", "expected"), LOOSE)
def test_an_operator_within_a_check_binds_closer_than_the_rules(
    db: Database, left: LiteralString, right: LiteralString, expected: int
) -> None:
    combined = Check(left) | Check(right) if expected == 200 else Check(left) & Check(right)

    assert status(db, combined) == expected


@pytest.mark.parametrize(
    ("identity", "user", "admin", "owner"),
    [(ALICE, 200, 200, 200), (CAROL, 200, 403, 403), (BOB, 404, 404, 404)],
    ids=repr,
)
def test_roles_of_an_organization(db: Database, identity: Identity, user: int, admin: int, owner: int) -> None:
    assert status(db, OrgCheck("org_user"), identity) == user
    assert status(db, OrgCheck("org_admin"), identity) == admin
    assert status(db, OrgCheck("org_owner"), identity) == owner


def test_sys_roles(db: Database) -> None:
    user, admin, owner = SysCheck("sys_user"), SysCheck("sys_admin"), SysCheck("sys_owner")
    for rule in (user, admin, owner, user & owner):
        assert status(db, rule, ROOT) == 200
        # Whoever is known is a sys_user.
        assert status(db, rule, ALICE) == (200 if rule is user else 403)
        assert status(db, rule, STRANGER) == 403


def test_a_stranger_is_refused_unless_the_route_takes_any_token(db: Database) -> None:
    assert status(db, PUBLIC, None) == 200
    assert status(db, TOKEN, STRANGER) == 200

    for rule in (SIGNED_IN, TRUE):
        with pytest.raises(Forbidden) as raised:
            open_reader(db, rule, STRANGER, {}, Deadline.after(10)).value("select 1")
        assert raised.value.code == "not_provisioned"


def test_the_statement_behind_a_refused_rule_does_not_run(lab: Lab, db: Database) -> None:
    for rule, error in ((FALSE, Forbidden), (NULL, NotFound)):
        tx = open_transaction(db, rule, ALICE, {}, Deadline.after(10))
        with pytest.raises(error):
            tx.run("insert into lab.notes (id, body) values (1, 'x')", rows=1)
        tx.rollback()

    assert lab.notes() == []


def test_a_rule_runs_with_the_callers_rights_only(db: Database) -> None:
    """Not with those of the login or of a definer: what he may not read, his rule may not either."""
    with pytest.raises(Forbidden) as raised:
        open_reader(db, Check("exists (select from lab.hidden)"), ALICE, {}, Deadline.after(10)).ensure_authorized()

    assert getattr(raised.value.__cause__, "sqlstate", None) == "42501"


def test_a_rule_cannot_write(db: Database) -> None:
    rule = Check("lab.move('transaction_read_only', 'off') = 'off'")

    with pytest.raises(OrgError) as raised:
        open_reader(db, rule, ALICE, {}, Deadline.after(10)).ensure_authorized()

    assert raised.value.status == 500
