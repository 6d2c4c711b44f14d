"""The module's functions, called as the database role of a request without a route: they check access themselves."""

from collections.abc import Iterator
from typing import LiteralString

import pytest
from psycopg import sql

from tests.cora_modules.kb.role_connection import connect
from tests.cora_modules.kb.world import KbWorld
from tests.support.role_connection import REFUSED, Outcome, Role, RoleConnection

pytestmark = pytest.mark.db

# Owner of the workspace; its admin, who is an admin of the organization too; its user; a former member; the owner of
# its organization; the owner of another one; a user without one; an unknown caller; empty claims.
CAST = ("carol", "dave", "frank", "grace", "alice", "bob", "erin", "stranger", None)
HIDDEN = ("OC404",) * 4
OF_ORG = ("OC403", 1, "OC403", "OC403", 1, *HIDDEN)
OF_WS = (1, 1, "OC403", "OC404", "OC404", *HIDDEN)
CONFLICT_OF_ORG = ("OC403", "OC409", "OC403", "OC403", "OC409", *HIDDEN)
READABLE = (2, 2, 2, 1, 1, 2, 0, 0, 0)
ALL_BASES: LiteralString = "array[%(handbook)s, %(engine_base)s, %(gone)s, %(globex_base)s, %(plans_base)s]::uuid[]"
VECTOR: LiteralString = "array_fill(0.1::real, array[256])::public.vector"
NEW_CHUNK: LiteralString = (
    "array['text'], array[1], array[null::integer], array[null], array[0], array[4], array[" + VECTOR + "]"
)
CALLS: dict[LiteralString, tuple[Outcome, ...]] = {
    "select kb.queue_document(%(handbook)s, %(rules)s)": OF_ORG,
    "select kb.queue_document(%(engine_base)s, %(engines)s)": OF_WS,
    # The document of another base.
    "select kb.queue_document(%(handbook)s, %(engines)s)": ("OC403", "OC404", "OC403", "OC403", "OC404", *HIDDEN),
    "select kb.queue_document(%(gone)s, %(rules)s)": ("OC404",) * 9,
    "select kb.queue_document(null, null)": ("OC404",) * 9,
    "select kb.delete_document(%(handbook)s, %(rules)s)": OF_ORG,
    "select kb.delete_document(%(engine_base)s, %(engines)s)": OF_WS,
    "select kb.delete_document(%(engine_base)s, %(rules)s)": ("OC404", "OC404", "OC403", "OC404", "OC404", *HIDDEN),
    "select kb.delete_base(%(handbook)s)": OF_ORG,
    "select kb.delete_base(%(engine_base)s)": OF_WS,
    "select kb.delete_base(%(gone)s)": ("OC404",) * 9,
    "select kb.readable_bases()": (2, 2, 2, 1, 1, 2, 0, 0, 0),
    "select kb.writable_bases()": (1, 2, 0, 0, 1, 2, 0, 0, 0),
    "select where kb.can_read(%(handbook)s)": (1, 1, 1, 1, 1, 0, 0, 0, 0),
    "select where kb.can_read(%(engine_base)s)": (1, 1, 1, 0, 0, 0, 0, 0, 0),
    "select where kb.can_read(%(gone)s)": (0,) * 9,
    "select where kb.can_write(%(handbook)s)": (0, 1, 0, 0, 1, 0, 0, 0, 0),
    "select where kb.can_write(%(handbook)s) is null": (0, 0, 0, 0, 0, 1, 1, 1, 1),
    "select where kb.can_write(%(engine_base)s)": (1, 1, 0, 0, 0, 0, 0, 0, 0),
    "select where kb.can_write(%(engine_base)s) is null": (0, 0, 0, 1, 1, 1, 1, 1, 1),
    "select kb.chat_bases_of_caller()": (0,) * 9,
    # The question is in each base of both organizations, also in the deleted one.
    f"select kb.text_hits('secret', {ALL_BASES}, array_fill(%(word)s::uuid, array[5]), 10)": READABLE,
    f"select kb.vector_hits(%(word)s, {VECTOR}, {ALL_BASES}, 10)": READABLE,
    f"select kb.text_hits('secret', {ALL_BASES}, null, 10)": (0,) * 9,
    "select kb.text_hits('secret', null, null, 10)": (0,) * 9,
    f"select kb.vector_hits(%(word)s, {VECTOR}, null, 10)": (0,) * 9,
    f"select where not kb.is_large({ALL_BASES}, %(word)s)": (1,) * 9,
    "select kb.clear_chunks(%(handbook)s, %(rules)s, %(word)s, 256)": OF_ORG,
    "select kb.clear_chunks(%(engine_base)s, %(engines)s, %(word)s, 256)": OF_WS,
    "select kb.clear_chunks(%(handbook)s, %(rules)s, %(lexical)s, 256)": CONFLICT_OF_ORG,
    f"select kb.add_chunks(%(handbook)s, %(rules)s, %(word)s, 'english', 5, {NEW_CHUNK})": OF_ORG,
    f"select kb.add_chunks(%(engine_base)s, %(engines)s, %(word)s, 'english', 5, {NEW_CHUNK})": OF_WS,
    # A model without vectors of the base.
    f"select kb.add_chunks(%(handbook)s, %(rules)s, %(acme)s, 'english', 5, {NEW_CHUNK})": (
        "OC403",
        "23503",
        "OC403",
        "OC403",
        "23503",
        *HIDDEN,
    ),
    "select kb.begin_reindex(%(handbook)s, %(lexical)s, 256)": OF_ORG,
    "select kb.begin_reindex(%(engine_base)s, %(lexical)s, 256)": OF_WS,
    "select kb.begin_reindex(%(handbook)s, %(word)s, 256)": CONFLICT_OF_ORG,
    "select kb.begin_reindex(%(gone)s, %(lexical)s, 256)": ("OC404",) * 9,
    f"select kb.add_vectors(%(handbook)s, %(lexical)s, '{{}}', array[{VECTOR}])": OF_ORG,
    f"select kb.add_vectors(%(engine_base)s, %(lexical)s, '{{}}', array[{VECTOR}])": OF_WS,
    "select kb.finish_reindex(%(handbook)s, %(lexical)s)": OF_ORG,
    "select kb.finish_reindex(%(engine_base)s, %(lexical)s)": OF_WS,
    "select kb.delete_stale(%(handbook)s)": OF_ORG,
    "select kb.delete_stale(%(engine_base)s)": OF_WS,
    "select kb.delete_stale(null)": ("OC404",) * 9,
}
INNER: tuple[LiteralString, ...] = (
    "select kb.lock_document(%(handbook)s, %(rules)s)",
    "select kb.search_text('a')",
    "select kb.to_words('english', 'a')",
    "select kb.word_query('a')",
    "select kb.drop_chunks()",
    # Of the worker.
    "select kb.claim_document(%(rules)s, %(rules)s, 60, 4)",
    "select kb.lock_claimed(%(rules)s, %(rules)s)",
    "select kb.fail_document(%(rules)s, %(rules)s, 'x', 'x')",
    "select kb.release_document(%(rules)s, %(rules)s, true)",
    "select kb.begin_result(%(rules)s, %(rules)s, %(word)s, 256)",
    "select kb.add_texts(%(rules)s, %(rules)s, array[0], array['x'])",
    "select kb.finish_result(%(rules)s, %(rules)s, 1, 1, 1)",
    # Of the purge.
    "select kb.purge(1)",
    "select kb.purge_base(%(acme)s, %(handbook)s, 1)",
    "select kb.purge_document(%(acme)s, %(rules)s, 1)",
    "select kb.removed_files(1)",
    "select kb.forget_files('{}')",
    "select kb.note_files()",
    "select kb.set_purge_at()",
)


@pytest.fixture
def connection(readonly_world: KbWorld) -> Iterator[RoleConnection]:
    connection = connect(readonly_world)
    yield connection
    connection.close()


@pytest.mark.parametrize("call", CALLS)
def test_function_checks_its_caller(connection: RoleConnection, call: LiteralString) -> None:
    assert tuple(connection.as_(name, sql.SQL(call)) for name in CAST) == CALLS[call]


@pytest.mark.parametrize("role", ["anon", "app_sys"])
def test_only_tenants_may_call_these_functions(connection: RoleConnection, role: Role) -> None:
    assert {call: connection.as_("root", sql.SQL(call), role) for call in CALLS} == dict.fromkeys(CALLS, REFUSED)


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
@pytest.mark.parametrize("call", INNER)
def test_request_cannot_call_an_inner_function(connection: RoleConnection, role: Role, call: LiteralString) -> None:
    assert connection.as_("dave", sql.SQL(call), role) == REFUSED


def test_every_function_is_in_these_tables(readonly_world: KbWorld) -> None:
    rows = readonly_world.admin.execute("select proname from pg_proc where pronamespace = 'kb'::regnamespace")
    named = {call.partition("kb.")[2].partition("(")[0] for call in [*CALLS, *INNER]}

    assert {row["proname"] for row in rows} <= named
