"""Sixteen requests at the same moment: the invariants hold, and no request ends with a deadlock."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import UUID, uuid4

import pytest

from cora_modules.access import orgs, users
from org_common import Database
from org_common.db.connections.pool import Pooled
from org_common.testing.client import ISSUER, Client, Person
from tests.cora_modules.access.world import ACME, GLOBEX
from tests.cora_modules.ws.world import APPS, IDS, OLD, ROCKETS, WsClient, WsWorld

pytestmark = pytest.mark.db

WRITERS = 16
ACCESS = (orgs.app, users.app)
LIST = f"/orgs/{ACME}/workspaces"
WS = f"/workspaces/{ROCKETS}"
# A request that gave up after deadlocks is a 503.
Work = Callable[[], tuple[int, str | None]]


class Crowd:
    """Users who send requests at the same moment."""

    def __init__(self, world: WsWorld) -> None:
        self.world = world
        self.ids = [uuid4() for _ in range(WRITERS)]
        self._names = [f"crowd{at}" for at in range(WRITERS)]
        for name, id in zip(self._names, self.ids, strict=True):
            world.insert("users", id=id, email=f"{name}@zq7.example", full_name=name)
            world.insert("user_identities", issuer=ISSUER, subject=f"local|{name}", user_id=id)
            world.insert("org_members", org_id=ACME, user_id=id, org_role="org_user")

    def join(self, ws_id: UUID, role: str) -> None:
        """Make all of them members of a workspace."""
        for id in self.ids:
            self.world.add("ws_members", org_id=ACME, ws_id=ws_id, user_id=id, ws_role=role)

    def client(self, at: int) -> Client:
        return WsClient(Person(f"local|{self._names[at]}"))

    def leaving_the_organization(self, at: int) -> Work:
        client = Client(users.app, person=Person(f"local|{self._names[at]}"))
        return sending(client, "DELETE", f"/orgs/{ACME}/members/{self.ids[at]}")

    def run(self, work: list[Work]) -> Counter[tuple[int, str | None]]:
        """Count the outcomes: the status, and the code of a problem."""
        gate = threading.Barrier(len(work))
        outcomes: list[tuple[int, str | None]] = []

        def call(each: Work) -> None:
            gate.wait(30)
            outcomes.append(each())

        threads = [threading.Thread(target=call, args=(each,)) for each in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(outcomes) == len(work)
        assert [outcome for outcome in outcomes if outcome[0] >= 500] == []
        return Counter(outcomes)

    def owners(self, ws_id: UUID = ROCKETS) -> int:
        return len(
            self.world.ws_rows("ws_members", f"ws_id = '{ws_id}' and ws_role = 'ws_owner' and deleted_at is null")
        )

    def owned(self, user_id: UUID) -> int:
        where = f"user_id = '{user_id}' and ws_role = 'ws_owner' and deleted_at is null"
        return len(self.world.ws_rows("ws_members", where))


def sending(client: Client, method: str, path: str, body: object = None) -> Work:
    def send() -> tuple[int, str | None]:
        response = client.send(method, path, body=body)
        return response.status, response.json()["code"] if response.status >= 400 else None

    return send


@pytest.fixture
def crowd(world: WsWorld) -> Iterator[Crowd]:
    settings = world.local.settings
    with closing(Database(settings, Pooled(settings, size=WRITERS))) as database:
        for app in (*APPS, *ACCESS):
            app.use(database)
        yield Crowd(world)
        for app in ACCESS:
            app.use(None)


def test_one_of_many_transfers_by_the_owner_succeeds(crowd: Crowd) -> None:
    crowd.join(ROCKETS, "ws_user")
    carol = crowd.world.as_("carol")

    outcomes = crowd.run([sending(carol, "POST", f"{WS}/transfer", {"userId": str(id)}) for id in crowd.ids])

    assert outcomes == {(200, None): 1, (403, "forbidden"): WRITERS - 1}
    assert crowd.owners() == 1


def test_owners_who_transfer_to_each_other_leave_an_owner(crowd: Crowd) -> None:
    crowd.join(ROCKETS, "ws_owner")

    outcomes = crowd.run(
        [
            sending(crowd.client(at), "POST", f"{WS}/transfer", {"userId": str(crowd.ids[(at + 1) % WRITERS])})
            for at in range(WRITERS)
        ]
    )

    assert set(outcomes) <= {(200, None), (403, "forbidden")}
    assert crowd.owners() >= 1


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_one_of_many_leaving_owners_stays(crowd: Crowd, method: str) -> None:
    crowd.join(ROCKETS, "ws_owner")
    crowd.world.admin.execute("update ws.ws_members set ws_role = 'ws_user' where user_id = %s", [IDS["carol"]])
    body = {"role": "ws_user"} if method == "PATCH" else None

    outcomes = crowd.run(
        [sending(crowd.client(at), method, f"{WS}/members/{crowd.ids[at]}", body) for at in range(WRITERS)]
    )

    done = (200 if method == "PATCH" else 204, None)
    assert outcomes == {done: WRITERS - 1, (409, "last_owner"): 1}
    assert crowd.owners() == 1


def test_owner_stays_while_others_leave_the_workspace_and_the_organization(crowd: Crowd) -> None:
    crowd.join(ROCKETS, "ws_owner")
    crowd.world.admin.execute("update ws.ws_members set ws_role = 'ws_user' where user_id = %s", [IDS["carol"]])

    outcomes = crowd.run(
        [
            sending(crowd.client(at), "DELETE", f"{WS}/members/{crowd.ids[at]}")
            if at % 2
            else crowd.leaving_the_organization(at)
            for at in range(WRITERS)
        ]
    )

    assert outcomes[204, None] == WRITERS - 1
    assert outcomes[409, "last_owner"] + outcomes[409, "last_ws_owner"] == 1
    assert crowd.owners() == 1


def test_member_who_leaves_the_organization_while_becoming_the_owner_leaves_an_owner(crowd: Crowd) -> None:
    crowd.join(ROCKETS, "ws_user")
    carol = crowd.world.as_("carol")

    outcomes = crowd.run(
        [
            sending(carol, "POST", f"{WS}/transfer", {"userId": str(crowd.ids[at // 2])})
            if at % 2
            else crowd.leaving_the_organization(at // 2)
            for at in range(WRITERS)
        ]
    )

    expected = {(200, None), (204, None), (403, "forbidden"), (409, "broken_reference"), (409, "last_ws_owner")}
    assert set(outcomes) <= expected
    assert crowd.owners() == 1


def test_workspace_is_restored_once(crowd: Crowd) -> None:
    carol = crowd.world.as_("carol")

    outcomes = crowd.run([sending(carol, "POST", f"/workspaces/{OLD}/restore") for _ in range(WRITERS)])

    assert outcomes == {(200, None): 1, (409, "not_deleted"): WRITERS - 1}
    assert crowd.world.roles(OLD) == {"carol": "ws_owner", "frank": "ws_user"}


def test_deletions_and_restorations_keep_the_members(crowd: Crowd) -> None:
    carol, roles = crowd.world.as_("carol"), crowd.world.roles(ROCKETS)

    crowd.run([sending(carol, *(("DELETE", WS) if at % 2 else ("POST", f"{WS}/restore"))) for at in range(WRITERS)])

    carol.post(f"{WS}/restore")
    assert crowd.world.roles(ROCKETS) == roles


@pytest.mark.parametrize("same", [True, False], ids=["one-user", "by-transfer-too"])
def test_limit_of_workspaces_holds(crowd: Crowd, same: bool) -> None:
    """Carol owns one workspace, creates others, restores one and gets some of other owners."""
    crowd.world.admin.execute("update ws.ws_config_org set max_workspaces_per_user = 5")
    carol = crowd.world.as_("carol")
    work = [sending(carol, "POST", LIST, {"name": f"W{at}"}) for at in range(WRITERS)]
    if not same:
        for at in range(8):
            ws_id = crowd.client(at).post(LIST, {"name": f"Of {at}"}).json()["id"]
            crowd.world.join(UUID(ws_id), "carol")
            path = f"/workspaces/{ws_id}"
            work[at] = sending(crowd.client(at), "POST", f"{path}/transfer", {"userId": str(IDS["carol"])})
        work[8] = sending(carol, "POST", f"/workspaces/{OLD}/restore")

    outcomes = crowd.run(work)

    assert sum(count for (status, _), count in outcomes.items() if status < 300) == 4
    assert outcomes[403, "too_many_workspaces"] == WRITERS - 4
    assert crowd.owned(IDS["carol"]) == 5


def test_limit_of_members_holds(crowd: Crowd) -> None:
    crowd.world.set_sys(max_members_per_workspace=8)
    carol = crowd.world.as_("carol")

    outcomes = crowd.run([sending(carol, "POST", f"{WS}/members", {"userId": str(id)}) for id in crowd.ids])

    assert outcomes == {(201, None): 5, (409, "too_many_members"): WRITERS - 5}


def test_user_who_is_added_many_times_is_added_once(crowd: Crowd) -> None:
    new = {"userId": str(crowd.ids[0])}

    outcomes = crowd.run(
        [sending(crowd.world.as_("carol" if at % 2 else "dave"), "POST", f"{WS}/members", new) for at in range(WRITERS)]
    )

    assert outcomes == {(201, None): 1, (409, "already_member"): WRITERS - 1}


def test_plugin_toggles_happen_one_after_the_other(crowd: Crowd) -> None:
    crowd.join(ROCKETS, "ws_admin")
    states = [True, False, None]

    outcomes = crowd.run(
        [sending(crowd.client(at), "PUT", f"{WS}/plugins/chat", {"enabled": states[at % 3]}) for at in range(WRITERS)]
    )

    assert outcomes == {(200, None): WRITERS}
    (row,) = crowd.world.ws_rows("ws_plugins", "module = 'chat'")
    changes = [each["detail"] for each in crowd.world.ws_rows("ws_activity", "event = 'plugin_changed'")]
    # Each change begins with the state that another one ended with, the first with none, and the last is stored.
    balance = Counter(str(each["to"]) for each in changes)
    balance.subtract(str(each["from"]) for each in changes)
    balance.subtract([str(row["enabled"])])
    balance.update(["None"])
    assert set(balance.values()) <= {0}
    assert all(each["from"] != each["to"] for each in changes)


def test_same_name_is_taken_once(crowd: Crowd) -> None:
    outcomes = crowd.run([sending(crowd.client(at), "POST", LIST, {"name": "Same"}) for at in range(WRITERS)])

    assert outcomes == {(201, None): 1, (409, "duplicate"): WRITERS - 1}


def test_organization_is_deleted_while_its_workspaces_change(crowd: Crowd) -> None:
    crowd.join(ROCKETS, "ws_owner")
    deletion = sending(Client(orgs.app, person=Person("local|alice")), "DELETE", f"/orgs/{ACME}")

    outcomes = crowd.run(
        [
            deletion
            if at == 7
            else [
                sending(crowd.client(at), "POST", LIST, {"name": f"N{at}"}),
                sending(crowd.client(at), "POST", f"{WS}/transfer", {"userId": str(crowd.ids[at - 1])}),
                sending(crowd.client(at), "DELETE", f"{WS}/members/{crowd.ids[at - 2]}"),
                sending(crowd.client(at), "POST", f"{WS}/members", {"userId": str(IDS["grace"])}),
            ][at % 4]
            for at in range(WRITERS)
        ]
    )

    assert outcomes[204, None] >= 1
    assert {row["org_id"] for row in crowd.world.ws_rows("workspaces")} == {GLOBEX}


def test_everything_at_once_leaves_an_owner_and_a_coherent_log(crowd: Crowd) -> None:
    crowd.join(ROCKETS, "ws_owner")
    for nth in range(1, 4):
        crowd.run(
            [
                [
                    sending(crowd.client(at), "POST", f"{WS}/transfer", {"userId": str(crowd.ids[at - nth])}),
                    sending(crowd.client(at), "DELETE", f"{WS}/members/{crowd.ids[at - nth]}"),
                    sending(crowd.client(at), "PATCH", f"{WS}/members/{crowd.ids[at - 1]}", {"role": "ws_owner"}),
                    sending(crowd.client(at), "POST", f"{WS}/members", {"userId": str(crowd.ids[at - 2])}),
                    sending(crowd.client(at), "PATCH", WS, {"name": f"N{at}"}),
                    sending(crowd.client(at), "PUT", f"{WS}/favorite"),
                    sending(crowd.client(at), "DELETE", WS),
                    sending(crowd.client(at), "POST", f"{WS}/restore"),
                ][(at + nth) % 8]
                for at in range(WRITERS)
            ]
        )

    alive = crowd.world.ws_rows("workspaces", f"id = '{ROCKETS}' and deleted_at is null")
    assert crowd.owners() >= 1 if alive else crowd.owners() == 0
    deleted = crowd.world.ws_rows("ws_members", f"ws_id = '{ROCKETS}' and deleted_with_ws")
    assert bool(deleted) is not bool(alive)
