"""Demo data for the local server, and a tour of requests for `org-common dev --check`."""

from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import psycopg

from cora_modules.demo_documents import PUMPS, DemoDocument
from cora_modules.demo_documents import ROCKETS as ABOUT_ROCKETS

PEOPLE = ("alice", "carol", "bob", "sam", "root")
"""The names of the users that `seed` creates. Each can sign in."""
SYS_ROLES = {"sam": "sys_admin", "root": "sys_owner"}
EXAMPLE = ("alice", "/orgs")
"""A user and a path to try: `org-common dev` shows it, and `org-common coldstart` sends it."""

# Fixed ids, so that a restart of the server creates nothing twice.
ACME = UUID("0198a000-0000-7000-8000-00000000ac3e")
GLOBEX = UUID("0198a000-0000-7000-8000-000000610be8")
MEMBERS = ((ACME, "alice", "org_owner"), (ACME, "carol", "org_user"), (GLOBEX, "bob", "org_owner"))
ROCKETS = UUID("0198a000-0000-7000-8000-00000000ac01")

PROVISION, ACCEPT = "/users/me/provision", "/invites/accept"
DAVE = {"email": "dave@example.com"}
ADMIN = {"role": "org_admin"}
MODEL = "/admin/sys/ai/models/0198a000-0000-7000-8000-0000000a1001"
ANSWERS = {
    "mission": "To build rockets.",
    "customPrompts": [],
    "citationStyle": "numbers",
    "tone": "friendly",
    "maxResponseTokens": 500,
    "chatModelId": None,
}
OFF, INHERIT = {"isEnabled": False}, {"enabled": None}
BUCKETS = {"CORA_KB_BUCKET": "cora-kb"}
"""The environment variables of buckets, and the names that the local server gives them."""
PAGE = Path(__file__).with_name("demo_page")
"""A page to upload documents and to ask about them, which `org-common dev` serves."""


class Visit(Protocol):
    """Sends the requests of the tour; `org-common dev --check` passes one."""

    def step(
        self, what: str, person: str | None, method: str, path: str, *, expect: int, body: object = None
    ) -> dict[str, str]:
        """Send a request as `person`, or without a token. Reports `what` and whether the status is `expect`.

        Returns the JSON of the response.
        """
        ...


class FileVisit(Visit, Protocol):
    """A visit of a server with queues and buckets."""

    def upload(self, what: str, upload: dict[str, Any], content: bytes) -> None:
        """Send a file to a presigned URL."""
        ...

    def wait(self, what: str, person: str, path: str, *, key: str, until: str) -> None:
        """Read a resource until its `key` is `until`."""
        ...

    def stream(self, what: str, person: str, path: str, *, body: object) -> list[tuple[str, Any]]:
        """Send a request and return the events of the response: their names and data. The last one must be `done`."""
        ...

    def check(self, what: str, *, passed: bool) -> None:
        """Report something else that must be so."""
        ...


def seed(admin_url: str, issuer: str) -> None:
    """Insert the demo data, unless it is there already.

    Alice owns Acme, Carol is a member of it and owns its workspace Rockets, and Bob owns Globex. Sam administers the
    platform and Root owns it. `admin_url` belongs to a superuser, and `issuer` issues the tokens. On a real platform,
    users are created by signing in.
    """
    with psycopg.connect(admin_url) as admin:
        if admin.execute("select 1 from access.orgs where id = %s", [ACME]).fetchone():
            return
        users = {}
        for name in PEOPLE:
            role = SYS_ROLES.get(name, "sys_user")
            row = admin.execute(
                "insert into access.users (email, full_name, sys_role) values (%s, %s, %s) returning id",
                [f"{name}@example.com", name.capitalize(), role],
            ).fetchone()
            assert row is not None
            users[name] = row[0]
            admin.execute(
                "insert into access.user_identities (issuer, subject, user_id) values (%s, %s, %s)",
                [issuer, f"local|{name}", users[name]],
            )
        for org_id, name, slug in ((ACME, "Acme", "acme"), (GLOBEX, "Globex", "globex")):
            admin.execute("insert into access.orgs (id, name, slug) values (%s, %s, %s)", [org_id, name, slug])
        for org_id, name, role in MEMBERS:
            admin.execute(
                "insert into access.org_members (org_id, user_id, org_role) values (%s, %s, %s)",
                [org_id, users[name], role],
            )
        admin.execute(
            "insert into ws.workspaces (org_id, id, name, color) values (%s, %s, 'Rockets', '#3B82F6')", [ACME, ROCKETS]
        )
        for name, role in (("carol", "ws_owner"), ("alice", "ws_user")):
            admin.execute(
                "insert into ws.ws_members (org_id, ws_id, user_id, ws_role) values (%s, %s, %s, %s)",
                [ACME, ROCKETS, users[name], role],
            )
        seed_usage(admin)
        # On a real platform the operator inserts this row, and the named user becomes the owner by signing in.
        admin.execute(
            "insert into access.bootstrap_identities (issuer, kind, value) values (%s, 'email', 'root@example.com')",
            [issuer],
        )


def seed_usage(admin: psycopg.Connection) -> None:
    """Insert what Acme has used in the last 30 days."""
    admin.execute(
        "insert into mgmt.usage_daily (org_id, day, module, calls, errors, duration_ms, cold_starts) "
        "select %s, current_date - days, 'access', 100 - days, 0, 900, 3 from generate_series(1, 30) days",
        [ACME],
    )


def tour(visit: Visit) -> None:
    """Send the requests of the tour: those that succeed, and those that must be refused."""
    visit.step("a request without a token is refused", None, "GET", "/orgs", expect=401)
    org = visit.step(
        "Alice creates an organization",
        "alice",
        "POST",
        "/orgs",
        body={"name": "Initech", "slug": "initech"},
        expect=201,
    )
    path = f"/orgs/{org['id']}"
    visit.step("she lists her organizations", "alice", "GET", "/orgs", expect=200)
    visit.step("she reads it", "alice", "GET", path, expect=200)
    visit.step("she renames it", "alice", "PATCH", path, body={"name": "Initech Inc."}, expect=200)
    visit.step(
        "the same slug is a duplicate", "bob", "POST", "/orgs", body={"name": "X", "slug": "initech"}, expect=409
    )
    visit.step("Bob, of another organization, does not see it", "bob", "GET", path, expect=404)
    visit.step("and cannot change it", "bob", "PATCH", path, body={"name": "Mine"}, expect=404)
    visit.step("Carol, a member of Acme, reads it", "carol", "GET", f"/orgs/{ACME}", expect=200)
    visit.step("but cannot change it", "carol", "PATCH", f"/orgs/{ACME}", body={"name": "Ours"}, expect=403)
    visit.step("an empty name is rejected with a pointer", "alice", "PATCH", path, body={"name": ""}, expect=422)
    visit.step("and so is an unknown field", "alice", "PATCH", path, body={"nmae": "Initech"}, expect=422)
    visit.step("an unknown route is not found", "alice", "GET", "/nothing", expect=404)
    visit.step("she deletes it", "alice", "DELETE", path, expect=204)
    visit.step("and it is gone", "alice", "GET", path, expect=404)
    people(visit)
    platform(visit)
    workspaces(visit)
    management(visit)
    models(visit)


def people(visit: Visit) -> None:
    """Members and invitations: Dave is invited, joins, becomes an admin and leaves. Mallory is not invited."""
    members, invites = f"/orgs/{ACME}/members", f"/orgs/{ACME}/invites"
    visit.step("Carol reads her own profile", "carol", "GET", "/users/me", expect=200)
    visit.step("records her sign-in", "carol", "POST", "/users/me/session", expect=201)
    visit.step("and her sign-out", "carol", "DELETE", "/users/me/session", expect=204)
    visit.step("Mallory has no invitation and cannot join", "mallory", "POST", PROVISION, expect=403)
    visit.step("Carol cannot invite users", "carol", "POST", invites, body=DAVE, expect=403)
    invite = visit.step("Alice invites Dave", "alice", "POST", invites, body=DAVE, expect=201)
    visit.step("a second open invitation is refused", "alice", "POST", invites, body=DAVE, expect=409)
    token = {"token": invite["token"]}
    visit.step("Mallory cannot use Dave's invitation", "mallory", "POST", ACCEPT, body=token, expect=403)
    dave = visit.step("Dave accepts it, which is a first sign-in", "dave", "POST", ACCEPT, body=token, expect=200)
    visit.step("an invitation works once", "dave", "POST", ACCEPT, body=token, expect=409)
    visit.step("signing in again changes nothing", "dave", "POST", PROVISION, expect=200)
    visit.step("Dave lists the members", "dave", "GET", members, expect=200)
    visit.step("but cannot promote Dave", "dave", "PATCH", f"{members}/{dave['id']}", body=ADMIN, expect=403)
    visit.step("Alice makes Dave an admin", "alice", "PATCH", f"{members}/{dave['id']}", body=ADMIN, expect=200)
    visit.step("Dave leaves", "dave", "DELETE", f"{members}/{dave['id']}", expect=204)
    visit.step("and no longer sees Acme", "dave", "GET", f"/orgs/{ACME}", expect=404)
    alice = visit.step("Alice is the last owner", "alice", "GET", "/users/me", expect=200)
    visit.step("and cannot leave", "alice", "DELETE", f"{members}/{alice['id']}", expect=409)


def platform(visit: Visit) -> None:
    """What the administrators of the platform can do, and what they cannot."""
    visit.step("Alice is not an administrator of the platform", "alice", "GET", "/admin/sys/users", expect=403)
    visit.step("Sam is, and lists its users", "sam", "GET", "/admin/sys/users", expect=200)
    visit.step("but cannot see into its tenants", "sam", "GET", f"/orgs/{ACME}", expect=404)
    sam = visit.step("Sam reads the profile of Sam", "sam", "GET", "/users/me", expect=200)
    path = f"/admin/sys/users/{sam['id']}"
    visit.step("and cannot promote Sam", "sam", "PATCH", path, body={"sysRole": "sys_owner"}, expect=403)
    domains = f"/orgs/{GLOBEX}/email-domains"
    domain = visit.step("Bob claims a domain", "bob", "POST", domains, body={"domain": "globex.example"}, expect=201)
    verify = f"/admin/sys/email-domains/{domain['id']}/verify"
    visit.step("but cannot verify it", "bob", "POST", verify, expect=403)
    visit.step("Sam can", "sam", "POST", verify, expect=200)
    visit.step("Bob removes it", "bob", "DELETE", f"{domains}/{domain['id']}", expect=204)


def workspaces(visit: Visit) -> None:
    """A workspace from its creation to its restoration, its limits and its plugins."""
    spaces, rockets = f"/orgs/{ACME}/workspaces", f"/workspaces/{ROCKETS}"
    visit.step("Carol lists her workspaces", "carol", "GET", spaces, expect=200)
    visit.step("Alice is a member of one and reads it", "alice", "GET", rockets, expect=200)
    visit.step(
        "but owning the organization does not allow her to change it", "alice", "PATCH", rockets, expect=403, body={}
    )
    visit.step("Bob, of another organization, does not see it", "bob", "GET", rockets, expect=404)
    new = visit.step("Carol creates a workspace", "carol", "POST", spaces, body={"name": "Launch"}, expect=201)
    path = f"/workspaces/{new['id']}"
    visit.step("which Alice does not see", "alice", "GET", path, expect=404)
    alice = visit.step("Alice tells Carol her id", "alice", "GET", "/users/me", expect=200)["id"]
    visit.step("Carol adds Alice", "carol", "POST", f"{path}/members", body={"userId": alice}, expect=201)
    visit.step("Alice marks it as a favorite", "alice", "PUT", f"{path}/favorite", expect=204)
    visit.step("Carol turns a plugin off", "carol", "PUT", f"{path}/plugins/chat", body={"enabled": False}, expect=200)
    visit.step("which Alice sees in the activity", "alice", "GET", f"{path}/activity", expect=200)
    visit.step("Carol transfers it to Alice", "carol", "POST", f"{path}/transfer", body={"userId": alice}, expect=200)
    visit.step("and can no longer delete it", "carol", "DELETE", path, expect=403)
    visit.step("Alice deletes it", "alice", "DELETE", path, expect=204)
    visit.step("so it is gone", "carol", "GET", path, expect=404)
    visit.step("for Carol, who cannot restore it", "carol", "GET", f"{spaces}/deleted", expect=200)
    visit.step("but listed for Alice, its owner", "alice", "GET", f"{spaces}/deleted", expect=200)
    visit.step("until Alice restores it", "alice", "POST", f"{path}/restore", expect=200)
    visit.step("with its members", "carol", "GET", path, expect=200)
    visit.step("Sam reads the platform's settings", "sam", "GET", "/admin/sys/ws/config", expect=200)
    config = {"allowUserCreation": False, "maxWorkspacesPerUser": None}
    settings = f"/orgs/{ACME}/ws/config"
    visit.step("Alice lets only admins create workspaces", "alice", "PUT", settings, body=config, expect=200)
    visit.step("so Carol cannot", "carol", "POST", spaces, body={"name": "Another"}, expect=403)
    config["allowUserCreation"] = True
    visit.step("Alice allows it again", "alice", "PUT", settings, body=config, expect=200)
    visit.step("and deletes the workspace", "alice", "DELETE", path, expect=204)


def management(visit: Visit) -> None:
    """Modules, settings of functions and monitoring, without the steps that need an AWS account."""
    modules, ours = "/admin/sys/modules", f"/orgs/{ACME}/modules"
    visit.step("Sam lists the modules of the platform", "sam", "GET", modules, expect=200)
    visit.step("but cannot turn off a core module", "sam", "PATCH", f"{modules}/access", body=OFF, expect=409)
    visit.step("nor one that others need", "sam", "PATCH", f"{modules}/ws", body=OFF, expect=409)
    visit.step("Alice turns chat off for Acme", "alice", "PATCH", f"{ours}/chat", body={"enabled": False}, expect=200)
    visit.step("and sees so in the list", "alice", "GET", ours, expect=200)
    visit.step("Carol, no admin, does not", "carol", "GET", ours, expect=403)
    visit.step("Alice inherits the platform's value again", "alice", "PATCH", f"{ours}/chat", body=INHERIT, expect=200)
    settings = "/admin/sys/lambda-config/access-orgs"
    visit.step("Sam wants more memory for a function", "sam", "PATCH", settings, body={"memoryMb": 1024}, expect=200)
    visit.step("Alice cannot", "alice", "PATCH", settings, body={"memoryMb": 128}, expect=403)
    visit.step("nor start a sync", "alice", "POST", "/admin/sys/lambda-config/sync", body={}, expect=403)
    visit.step("Sam sees the connections", "sam", "GET", "/admin/sys/monitoring/database", expect=200)
    visit.step("Alice sees what Acme has used", "alice", "GET", f"/orgs/{ACME}/usage", expect=200)
    visit.step("Bob does not", "bob", "GET", f"/orgs/{ACME}/usage", expect=404)


def models(visit: Visit) -> None:
    """Providers, models and settings of answers, without the steps that need a network."""
    providers, ours = "/admin/sys/ai/providers", f"/orgs/{ACME}/ai/config"
    visit.step("Sam lists the models of the platform", "sam", "GET", "/admin/sys/ai/models", expect=200)
    body = {"name": "vLLM", "kind": "openai", "baseUrl": "http://vllm.internal:8000/v1"}
    visit.step("Alice cannot add a provider", "alice", "POST", providers, body=body, expect=403)
    provider = visit.step("Sam adds one", "sam", "POST", providers, body=body, expect=201)
    path = f"{providers}/{provider['id']}"
    visit.step("but cannot send its key", "sam", "PATCH", path, body={"apiKey": "sk-1234"}, expect=422)
    visit.step("Sam removes it", "sam", "DELETE", path, expect=204)
    visit.step("and tests a model that needs no network", "sam", "POST", f"{MODEL}/test", expect=200)
    visit.step("Alice gives answers for Acme a tone", "alice", "PUT", ours, body=ANSWERS, expect=200)
    visit.step("which Carol sees in the merged settings", "carol", "GET", f"{ours}/effective", expect=200)
    visit.step("Carol cannot change them", "carol", "PUT", ours, body=ANSWERS, expect=403)
    visit.step("Bob does not see them", "bob", "GET", f"{ours}/effective", expect=404)


def tour_with_files(visit: FileVisit) -> None:
    """Documents of two organizations, and chats that answer from them."""
    acme = upload_documents(visit, "alice", "Acme", f"/orgs/{ACME}/kb", ABOUT_ROCKETS)
    globex = upload_documents(visit, "bob", "Globex", f"/orgs/{GLOBEX}/kb", PUMPS)
    question = "What does the main engine burn?"
    alice = ask(visit, "alice", ACME, acme, question)
    bob = ask(visit, "bob", GLOBEX, globex, question)
    cited = [citation for citation in alice["citations"] if citation["title"] == "engine.pdf"]
    visit.check("it cites the page of the PDF", passed=cited != [] and cited[0]["page"] == 1)
    visit.check("and the box on it", passed=cited != [] and cited[0]["box"][:2] == [50, 777.8])
    visit.check("and has what it says", passed="kerosene" in alice["text"])
    visit.check("each finds passages of their own organization only", passed=own(alice, acme) and own(bob, globex))
    visit.check("Bob learns nothing of the engine", passed="kerosene" not in str(bob))
    search = {"query": question, "baseIds": [acme]}
    visit.step("Bob cannot search the documents of Acme", "bob", "POST", "/kb/search", body=search, expect=404)
    stolen = {"content": question, "baseIds": [acme]}
    visit.step("nor ask about them", "bob", "POST", f"/chats/{bob['chat']}/stream", body=stolen, expect=409)
    messages = f"/chats/{alice['chat']}/messages"
    visit.step("nor read the chat of Alice", "bob", "GET", messages, expect=404)
    visit.step("which has the question and the answer", "alice", "GET", messages, expect=200)
    visit.step("Alice deletes it", "alice", "DELETE", f"/chats/{alice['chat']}", expect=204)
    for person, base in (("alice", acme), ("bob", globex)):
        visit.step(f"{person} deletes the documents", person, "DELETE", f"/kb/{base}", expect=204)


def upload_documents(visit: FileVisit, person: str, org: str, bases: str, files: tuple[DemoDocument, ...]) -> str:
    """Create a base with these documents, and wait until they are found by searches. Returns its id."""
    base = visit.step(
        f"{person} creates a knowledge base of {org}", person, "POST", bases, body={"name": "Tour"}, expect=201
    )
    path = f"/kb/{base['id']}/documents"
    for file in files:
        body = file.announcement
        document: Any = visit.step(f"{person} announces {file.filename}", person, "POST", path, body=body, expect=201)
        visit.upload(f"uploads {file.filename}", document["upload"], file.content)
        one = f"{path}/{document['id']}"
        visit.step("and says so", person, "POST", f"{one}/complete", expect=200)
        visit.wait(f"until {file.filename} is indexed", person, one, key="status", until="indexed")
    return base["id"]


def ask(visit: FileVisit, person: str, org_id: UUID, base_id: str, question: str) -> dict[str, Any]:
    """Ask about a base in a new chat, and return the chat, the citations and the answer."""
    chat = visit.step(
        f"{person} begins a chat", person, "POST", "/users/me/chats", body={"orgId": str(org_id)}, expect=201
    )["id"]
    visit.step("about these documents", person, "PUT", f"/chats/{chat}/bases", body={"baseIds": [base_id]}, expect=200)
    events = visit.stream(
        "asks, and sees the answer arrive", person, f"/chats/{chat}/stream", body={"content": question}
    )
    return {
        "chat": chat,
        "citations": [citation for name, data in events if name == "citations" for citation in data["items"]],
        "text": "".join(data["text"] for name, data in events if name == "delta"),
    }


def own(answer: dict[str, Any], base_id: str) -> bool:
    """Whether all that the answer cites is of this base, and something is."""
    return {citation["baseId"] for citation in answer["citations"]} == {base_id}
