"""What a rule answers holds, whatever the handler does: nothing is read or written past it. On a real database."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Literal, LiteralString

import pytest

from cora_modules.demo import ACME
from org_common import App, Check, Ladder, Model, OrgCheck, PageRequest, Reader, SysCheck, Transaction
from org_common.auth.rules import Rule
from org_common.db.database import Database
from org_common.testing.client import Client, Person
from tests.support.lab import INSERT, Lab, Note

pytestmark = pytest.mark.db

ALICE, ROOT = Person("local|alice"), Person("local|root")
SECRET = "hunter2-of-another"
READ: LiteralString = "select id, body from lab.notes where true"
TRUE, FALSE, NULL = Check("true"), Check("false"), Check("null::boolean")
ANSWERS = {"true": TRUE, "false": FALSE, "null": NULL}
STATUS = {"true": 200, "false": 403, "null": 404}


@pytest.fixture
def use(lab: Lab) -> Iterator[Callable[[App], Client]]:
    owner = lab.user_id(ALICE.identity())
    lab.tell("insert into lab.notes (id, owner, body) values (7, %s, %s)", owner, SECRET)
    database = Database(lab.settings)

    def client(app: App) -> Client:
        app.use(database)
        return Client(app, person=ALICE)

    yield client
    database.close()


def guarded(rule: Rule) -> App:
    app = App("guarded")

    @app.get("/", allow=rule)
    def read(db: Reader) -> list[Note]:
        return db.all(Note, READ)

    return app


# --- true goes on, false is 403, null is 404 -----------------------------------------------------


@pytest.mark.parametrize("left", ANSWERS)
@pytest.mark.parametrize("right", ANSWERS)
def test_or_is_any_true_else_any_false_else_null(use: Any, left: str, right: str) -> None:
    expected = "true" if "true" in (left, right) else "false" if "false" in (left, right) else "null"

    assert use(guarded(ANSWERS[left] | ANSWERS[right])).get("/").status == STATUS[expected]


@pytest.mark.parametrize("left", ANSWERS)
@pytest.mark.parametrize("right", ANSWERS)
def test_and_is_any_null_else_any_false_else_true(use: Any, left: str, right: str) -> None:
    expected = "null" if "null" in (left, right) else "false" if "false" in (left, right) else "true"

    assert use(guarded(ANSWERS[left] & ANSWERS[right])).get("/").status == STATUS[expected]


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        (TRUE | FALSE & NULL, 200),
        ((TRUE | FALSE) & NULL, 404),
        ((NULL | FALSE) & TRUE, 403),
        (NULL | NULL | TRUE, 200),
        (TRUE & TRUE & FALSE, 403),
        (NULL & FALSE | TRUE, 200),
    ],
    ids=str,
)
def test_combinations_nest(use: Any, rule: Rule, status: int) -> None:
    assert use(guarded(rule)).get("/").status == status


# Owner, admin and member of Acme; the owner of another organization; a valid token without a user; no token.
CALLERS = ("alice", "dave", "carol", "bob", "stranger", None)
ROLES = {
    "org_user": (204, 204, 204, 404, 403, 401),
    "org_admin": (204, 204, 403, 404, 403, 401),
    "org_owner": (204, 403, 403, 404, 403, 401),
}
# A project's own roles, in an order of its own: members of Acme are guests of room r1, its admins and owners hosts.
ROOMS = """
create function lab.has_room_role(room_id text, at_least text) returns boolean
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return room_id = 'r1' and case app.find_org_role('0198a000-0000-7000-8000-00000000ac3e')
    when 'org_user' then 1 when 'org_admin' then 2 when 'org_owner' then 2
  end >= array_position(array['guest', 'host'], at_least);
end
$$;
alter function lab.has_room_role(text, text) owner to app_rules;
grant execute on function lab.has_room_role(text, text) to authenticated;
"""


@pytest.fixture
def dave(lab: Lab) -> Iterator[None]:
    """An admin of Acme, for one test."""
    lab.tell(
        "with u as (insert into access.users (email) values ('dave@example.com') returning id), "
        "i as (insert into access.user_identities (issuer, subject, user_id) select %s, 'local|dave', id from u) "
        "insert into access.org_members (org_id, user_id, org_role) select %s, id, 'org_admin' from u",
        ALICE.identity().issuer,
        ACME,
    )
    yield
    lab.tell("delete from access.users where email = 'dave@example.com'")


def org(org_id: str) -> None:
    """A handler without a database: the rule alone decides."""


def tenant(tenant_id: str) -> None:
    """The same, by another parameter."""


def room(room_id: str) -> None:
    """The same, of a room."""


def asked(client: Client, path: str) -> tuple[int, ...]:
    people = [None if name is None else Person(f"local|{name}") for name in CALLERS]
    return tuple(client.as_(person).get(path).status for person in people)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.usefixtures("dave")
def test_org_check_lets_higher_roles_pass_and_tells_strangers_nothing(use: Any, role: Any) -> None:
    app = App("org")
    app.get("/orgs/{org_id}", allow=OrgCheck(role))(org)
    app.get("/tenants/{tenant_id}", allow=OrgCheck(role, parameter="tenant_id"))(tenant)

    client = use(app)

    assert asked(client, f"/orgs/{ACME}") == asked(client, f"/tenants/{ACME}") == ROLES[role]


@pytest.mark.usefixtures("dave")
def test_ladder_of_a_project_lets_higher_roles_pass(use: Any, lab: Lab) -> None:
    room_check: Ladder[Literal["guest", "host"]] = Ladder(
        "lab.has_room_role", parameter="room_id", roles=("guest", "host")
    )
    lab.tell(ROOMS)
    app = App("rooms")
    app.get("/rooms/{room_id}", allow=room_check("guest"))(room)
    app.get("/rooms/{room_id}/keys", allow=room_check("host"))(room)

    client = use(app)

    assert asked(client, "/rooms/r1") == (204, 204, 204, 404, 403, 401)
    assert asked(client, "/rooms/r1/keys") == (204, 204, 403, 404, 403, 401)
    lab.tell("drop function lab.has_room_role")


@pytest.mark.parametrize("role", ["sys_admin", "sys_owner"])
def test_sys_routes_are_for_those_who_hold_the_role_and_run_as_app_sys(use: Any, role: Any) -> None:
    app = App("sys")

    @app.get("/admin/sys/who", allow=SysCheck(role))
    def who(db: Reader) -> str:
        return str(db.value("select current_user::text"))

    client = use(app)

    assert client.as_(ROOT).get("/admin/sys/who").json() == "app_sys"
    assert client.get("/admin/sys/who").status in (403, 404)
    assert client.as_(Person("local|stranger")).get("/admin/sys/who").status == 403
    assert client.as_(None).get("/admin/sys/who").status == 401


# --- past the rule -------------------------------------------------------------------------------


class Count(Model):
    id: int


READS: dict[str, Callable[[Any], Any]] = {
    "all": lambda db: db.all(Note, READ),
    "one": lambda db: db.one(Note, READ + " and id = 7"),
    "maybe": lambda db: db.maybe(Note, READ + " and id = 7"),
    "value": lambda db: db.value("select body from lab.notes where id = 7"),
    "page": lambda db: db.page(Count, "select id from lab.notes where true", page=PageRequest(limit=5), by=["id"]),
}
WRITES: dict[str, Callable[[Any], Any]] = {
    **READS,
    "run": lambda tx: tx.run(INSERT, {"id": 8, "body": "x"}, rows=1),
    "many": lambda tx: tx.many(INSERT, [{"id": 8, "body": "x"}, {"id": 9, "body": "x"}]),
    "returning": lambda tx: tx.one(Note, INSERT + " returning id, body", {"id": 8, "body": "x"}),
    "send": lambda tx: tx.send("mails", {"to": "x"}),
    "update": lambda tx: tx.run("update lab.notes set body = 'x' where id = 7", rows=1),
}
REFUSING = {
    "false": (FALSE, 403),
    "null": (NULL, 404),
    "both": (FALSE | NULL, 403),
    "sys": (SysCheck("sys_admin"), None),
}


@pytest.mark.parametrize("verb", READS)
@pytest.mark.parametrize("rule", REFUSING)
def test_reader_that_swallows_every_error_has_read_nothing(use: Any, rule: str, verb: str) -> None:
    refusing, status = REFUSING[rule]
    got: list[object] = []
    app = App("reads")

    @app.get("/", allow=refusing)
    def read(db: Reader) -> list[str]:
        for _ in range(3):
            with suppress(Exception):
                got.append(READS[verb](db))
        return [str(each) for each in got]

    answer = use(app).get("/")

    assert got == []
    assert answer.status in ((403, 404) if status is None else (status,))
    assert SECRET not in answer.body.decode()


@pytest.mark.parametrize("verb", WRITES)
@pytest.mark.parametrize("rule", REFUSING)
def test_transaction_that_swallows_every_error_has_changed_nothing(use: Any, lab: Lab, rule: str, verb: str) -> None:
    refusing, status = REFUSING[rule]
    got: list[object] = []
    app = App("writes")

    @app.post("/", allow=refusing)
    def write(tx: Transaction) -> list[str]:
        for _ in range(3):
            with suppress(Exception):
                got.append(WRITES[verb](tx))
        return [str(each) for each in got]

    answer = use(app).post("/")

    assert answer.status in ((403, 404) if status is None else (status,))
    assert SECRET not in answer.body.decode()
    assert lab.ask("select count(*) from lab.notes where body = 'x'") == 0
    assert lab.ask("select count(*) from app.outbox where queue = 'mails'") == 0


@pytest.mark.parametrize("rule", ["false", "null"])
def test_handler_without_a_handle_does_not_run(use: Any, rule: str) -> None:
    refusing, status = REFUSING[rule]
    ran: list[bool] = []
    app = App("bare")
    app.get("/", allow=refusing)(lambda: ran.append(True))

    assert (use(app).get("/").status, ran) == (status, [])
