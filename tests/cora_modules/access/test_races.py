"""Concurrent requests, each on its own connection: no duplicates, and the last owner stays."""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from uuid import UUID

import psycopg
import pytest

from cora_modules.access.models.me import Me
from cora_modules.access.models.members import Member
from cora_modules.access.models.users import SysUser
from cora_modules.access.queries.invites import ACCEPT_INVITE, CREATE_INVITE
from cora_modules.access.queries.me import PROVISION
from cora_modules.access.queries.members import CHANGE_MEMBER, REMOVE_MEMBER
from cora_modules.access.queries.orgs import VERIFY_DOMAIN
from cora_modules.access.queries.users import UPDATE_USER
from org_common import TOKEN, Database, OrgCheck, OrgError, Rule, SysCheck, Transaction
from org_common.values.identity import Identity
from org_common.values.types import Deadline
from tests.cora_modules.access.world import ACME, GLOBEX, IDS, PEOPLE, TokenHolder, World, invite_token
from tests.support.handles import open_reader, open_transaction
from tests.support.lab import until

pytestmark = pytest.mark.db

ORG_ADMIN = OrgCheck("org_admin")
Work = Callable[[Transaction], object]


def identity(name: str) -> Identity:
    person = PEOPLE[name]
    assert person is not None
    return person.identity()


class Crowd:
    """Runs requests that start at the same moment."""

    def __init__(self, world: World) -> None:
        self._world = world

    def run(self, rule: Rule, callers: list[tuple[Identity, Work]], path: dict[str, object]) -> Counter[str]:
        """Count the outcomes: "ok", or the code of the error."""
        outcomes: list[str] = []
        gate = threading.Barrier(len(callers))

        def call(caller: Identity, work: Work) -> None:
            with closing(Database(self._world.local.settings)) as database:
                # Connected before the others start.
                open_reader(database, TOKEN, caller, {}, Deadline.after(30)).value("select 1")
                gate.wait(30)
                tx = open_transaction(database, rule, caller, path, Deadline.after(30))
                try:
                    work(tx)
                    tx.commit()
                    outcomes.append("ok")
                except OrgError as error:
                    tx.rollback()
                    outcomes.append(error.code)
                finally:
                    tx.close()

        threads = [threading.Thread(target=call, args=caller) for caller in callers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(outcomes) == len(callers)
        return Counter(outcomes)


@pytest.fixture
def crowd(world: World) -> Crowd:
    return Crowd(world)


def count(world: World, table: str) -> int:
    return len(world.rows(table))


def test_fifty_first_sign_ins_of_one_person_create_one_user(world: World, crowd: Crowd) -> None:
    users, members, users_found = count(world, "users"), count(world, "org_members"), []

    outcomes = crowd.run(TOKEN, [(identity("guest"), lambda tx: users_found.append(tx.one(Me, PROVISION)))] * 50, {})

    assert outcomes == {"ok": 50}
    assert len({me.id for me in users_found}) == 1
    assert {len(me.organizations) for me in users_found} == {1}
    assert (count(world, "users"), count(world, "org_members")) == (users + 1, members + 1)


def test_one_email_of_ten_issuers_creates_one_user(world: World, crowd: Crowd) -> None:
    users = count(world, "users")
    world.admin.execute(
        "update access.org_email_domains set verified_at = now(), auto_provision = true where org_id = %s", [ACME]
    )
    callers = [TokenHolder("x", issuer=f"https://issuer{at}.test", email="x@acme-zq7.example") for at in range(10)]

    outcomes = crowd.run(TOKEN, [(caller.identity(), lambda tx: tx.one(Me, PROVISION)) for caller in callers], {})

    assert outcomes == {"ok": 1, "email_taken": 9}
    assert count(world, "users") == users + 1


def test_two_configured_first_owners_create_one(world: World, crowd: Crowd) -> None:
    world.admin.execute("update access.users set sys_role = 'sys_user'")
    callers = [TokenHolder("first"), TokenHolder("y", email="first@zq7.example")] * 5

    outcomes = crowd.run(TOKEN, [(caller.identity(), lambda tx: tx.one(Me, PROVISION)) for caller in callers], {})

    # Five requests of the first to arrive succeed, and five of the other are too late.
    assert outcomes == {"ok": 5, "not_invited": 5}
    assert [row["sys_role"] for row in world.rows("users")].count("sys_owner") == 1


def test_invitation_is_accepted_by_one_of_ten_callers(world: World, crowd: Crowd) -> None:
    callers = [TokenHolder(f"guest{at}", email="guest@zq7.example") for at in range(10)]
    token = {"token": invite_token("guest@zq7.example")}

    outcomes = crowd.run(
        TOKEN, [(caller.identity(), lambda tx: tx.one(Me, ACCEPT_INVITE, token)) for caller in callers], {}
    )

    assert outcomes == {"ok": 1, "invite_accepted": 9}
    assert count(world, "users") == len(IDS) + 1


def test_email_invited_ten_times_is_invited_once(world: World, crowd: Crowd) -> None:
    new = {"org_id": ACME, "email": "new@zq7.example", "role": "org_user"}
    callers = [
        (identity(name), lambda tx: tx.value(f"select 1 from ({CREATE_INVITE}) i", new))
        for name in ("alice", "dave")
        for _ in range(5)
    ]

    outcomes = crowd.run(ORG_ADMIN, callers, {"org_id": ACME})

    assert outcomes == {"ok": 1, "already_invited": 9}


def invite(org_id: UUID, email: str) -> Work:
    new = {"org_id": org_id, "email": email, "role": "org_user"}
    return lambda tx: tx.value(f"select 1 from ({CREATE_INVITE}) i", new)


@pytest.mark.parametrize("organizations", [1, 8])
def test_limits_hold_for_invitations_at_the_same_moment(world: World, crowd: Crowd, organizations: int) -> None:
    """One organization has sent 18 of its 20, or several organizations invite one mailbox, which gets 3."""
    orgs = [world.insert("orgs", name="O", slug=f"org-{at}") for at in range(organizations)]
    for org_id in orgs:
        world.insert("org_members", org_id=org_id, user_id=IDS["erin"], org_role="org_owner")
    if organizations == 1:
        for at in range(18):
            world.as_("erin").post(f"/orgs/{orgs[0]}/invites", {"email": f"u{at}@x.example"})
    emails = [f"v{at}@x.example" if organizations == 1 else f"v+{at}@x.example" for at in range(8)]

    work = [invite(orgs[at % organizations], email) for at, email in enumerate(emails)]
    outcomes = crowd.run(TOKEN, [(identity("erin"), each) for each in work], {})

    allowed = 2 if organizations == 1 else 3
    assert outcomes == {"ok": allowed, "too_many_invites": 8 - allowed}


def leave(name: str) -> Work:
    return lambda tx: tx.value(REMOVE_MEMBER, {"org_id": ACME, "user_id": IDS[name]})


def demote(name: str) -> Work:
    change = {"org_id": ACME, "user_id": IDS[name], "patch": {"role": "org_user"}}
    return lambda tx: tx.one(Member, CHANGE_MEMBER, change)


@pytest.mark.parametrize("work", [leave, demote], ids=["leave", "step-down"])
def test_one_of_several_leaving_owners_stays(world: World, crowd: Crowd, work: Callable[[str], Work]) -> None:
    names = ("alice", "dave", "carol")
    world.admin.execute("update access.org_members set org_role = 'org_owner' where org_id = %s", [ACME])

    outcomes = crowd.run(ORG_ADMIN, [(identity(name), work(name)) for name in names], {"org_id": ACME})

    owners = [row for row in world.rows("org_members") if (row["org_id"], row["org_role"]) == (ACME, "org_owner")]
    assert outcomes == {"ok": 2, "last_owner": 1}
    assert len(owners) == 1


def test_one_of_two_owners_who_remove_each_other_stays(world: World, crowd: Crowd) -> None:
    world.admin.execute("update access.org_members set org_role = 'org_owner' where user_id = %s", [IDS["dave"]])

    outcomes = crowd.run(
        ORG_ADMIN, [(identity("alice"), leave("dave")), (identity("dave"), leave("alice"))], {"org_id": ACME}
    )

    # The second caller is no longer a member when their request runs.
    owners = [row for row in world.rows("org_members") if (row["org_id"], row["org_role"]) == (ACME, "org_owner")]
    assert outcomes == {"ok": 1, "not_found": 1}
    assert len(owners) == 1


def test_one_of_several_leaving_platform_owners_stays(world: World, crowd: Crowd) -> None:
    names = ("root", "sam", "erin")
    world.admin.execute("update access.users set sys_role = 'sys_owner' where id = any (%s)", [[IDS[n] for n in names]])

    def step_down(name: str) -> Work:
        change = {"user_id": IDS[name], "patch": {"sys_role": "sys_user"}}
        return lambda tx: tx.one(SysUser, UPDATE_USER, change)

    outcomes = crowd.run(SysCheck("sys_admin"), [(identity(name), step_down(name)) for name in names], {})

    assert outcomes == {"ok": 2, "last_sys_owner": 1}
    assert [row["sys_role"] for row in world.rows("users")].count("sys_owner") == 1


def test_domain_of_two_organizations_is_verified_for_one(world: World, crowd: Crowd) -> None:
    domain_id = world.insert("org_email_domains", org_id=GLOBEX, domain="acme-zq7.example")
    ids = [row["id"] for row in world.rows("org_email_domains") if row["domain"] == "acme-zq7.example"]
    assert domain_id in ids

    def verify(id: object) -> Work:
        return lambda tx: tx.value(f"select 1 from ({VERIFY_DOMAIN}) d", {"domain_id": id})

    outcomes = crowd.run(SysCheck("sys_admin"), [(identity("sam"), verify(id)) for id in ids], {})

    assert outcomes == {"ok": 1, "duplicate": 1}


def test_request_that_deadlocks_runs_again(world: World) -> None:
    """The request locks the platform's owners and then alice's invitations, the other transaction the reverse."""
    reruns = world.database.counters.rerun
    request, statuses = deactivation(world, "alice")
    with psycopg.connect(world.local.admin_url) as other:
        # The server aborts the request, and not this transaction.
        other.execute("set deadlock_timeout = '1h'")
        other.execute("select from access.invites where email = 'guest@zq7.example' for update")
        request.start()
        assert until(lambda: _is_waiting(world))
        other.execute("select access.lock_sys_owners()")
    request.join(30)

    assert statuses == [200]
    assert world.database.counters.rerun == reruns + 1
    assert "pending" not in {row["status"] for row in world.rows("invites") if row["invited_by"] == IDS["alice"]}


def test_admin_who_is_deactivated_while_waiting_changes_nothing(world: World) -> None:
    request, statuses = deactivation(world, "erin")
    with psycopg.connect(world.local.admin_url) as other:
        other.execute("select access.lock_sys_owners()")
        request.start()
        assert until(lambda: _is_waiting(world))
        other.execute("update access.users set is_active = false where id = %s", [IDS["sam"]])
    request.join(30)

    assert statuses == [403]
    assert world.row("users", IDS["erin"])["is_active"]


def deactivation(world: World, name: str) -> tuple[threading.Thread, list[int]]:
    """A thread that deactivates this user, to be started, and the list that gets the status of the response."""
    statuses: list[int] = []

    def deactivate() -> None:
        statuses.append(world.as_("sam").patch(f"/admin/sys/users/{IDS[name]}", {"isActive": False}).status)

    return threading.Thread(target=deactivate), statuses


def _is_waiting(world: World) -> bool:
    query = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    return world.admin.execute(query).rowcount == 1
