"""Vector search through the HNSW index: the path of tenants with more than 20,000 chunks, at a lower limit."""

import random
from collections.abc import Iterator
from uuid import UUID

import pytest

from tests.cora_modules.access.world import ACME, GLOBEX
from tests.cora_modules.kb.world import DOCUMENTS, GLOBEX_BASE, HANDBOOK, WORD_MODEL, KbWorld

pytestmark = pytest.mark.db

LIMIT = 50
SMALL, LARGE = 80, 2000
QUESTIONS, TOP = 25, 10
WANTED = 3 * TOP
FILL = """
insert into kb.kb_chunks (
  org_id, base_id, document_id, model_id, seq, content, language, tokens, start_char, end_char, embedding
)
select %(org_id)s, %(base_id)s, %(document_id)s, %(model_id)s, at, 'Text ' || at, 'english', 2, 0, 4, (
  with x as materialized (select random() - 0.5 as value, i from generate_series(1, 8 + 0 * at) i)
  select array_agg(x.value order by r, x.i) from x, generate_series(1, 32) r
)::public.vector
from generate_series(1, %(count)s) at
"""
# How often this connection has scanned the index, and the table by any index or none, since the server was told.
SCANS = """
select pg_stat_get_xact_numscans('kb.chunks_256'::regclass) as hnsw, t.seq_scan + t.idx_scan as every
from pg_stat_xact_user_tables t where t.relid = 'kb.kb_chunks'::regclass
"""
HITS = "select id from kb.vector_hits(%(model_id)s, %(question)s, array[%(base_id)s], %(top)s) order by rank"
EXACT = """
select id from kb.kb_chunks where base_id = %(base_id)s and model_id = %(model_id)s
order by embedding <=> %(question)s::vector, id limit %(wanted)s
"""


@pytest.fixture(scope="module")
def filled(shared_world: KbWorld) -> Iterator[KbWorld]:
    """A large tenant and a small one. Both have more chunks than are compared one by one."""
    world = shared_world
    world.reset()
    (definition,) = world.admin.execute("select pg_get_functiondef('kb.is_large'::regproc) as sql").fetchall()
    lowered = definition["sql"].replace("20000", str(LIMIT))
    assert lowered != definition["sql"]
    world.admin.execute(lowered)
    world.admin.execute("select setseed(0.5)")
    for org_id, base_id, count in ((GLOBEX, GLOBEX_BASE, LARGE), (ACME, HANDBOOK, SMALL)):
        values = {"org_id": org_id, "base_id": base_id, "document_id": DOCUMENTS[base_id], "model_id": WORD_MODEL}
        world.admin.execute(FILL, {**values, "count": count})
    world.admin.execute("analyze kb.kb_chunks")
    yield world
    world.admin.execute(definition["sql"])


def search(world: KbWorld, name: str, values: dict[str, object]) -> tuple[list[UUID], dict[str, int]]:
    """What the caller finds, and the scans that it took."""
    with world.admin.transaction(force_rollback=True):
        [before] = world.admin.execute(SCANS).fetchall()
        world.admin.execute("set local role authenticated")
        world.admin.execute("select set_config('request.jwt.claims', %s, true)", [f'{{"sub": "{world.users[name]}"}}'])
        ids = [row["id"] for row in world.admin.execute(HITS, values).fetchall()]
        [after] = world.admin.execute(SCANS).fetchall()
    return ids, {index: after[index] - before[index] for index in after}


@pytest.mark.parametrize(("name", "base_id"), [("dave", HANDBOOK), ("bob", GLOBEX_BASE)], ids=["small", "large"])
def test_page_is_filled_and_as_good_as_an_exact_search(filled: KbWorld, name: str, base_id: UUID) -> None:
    chosen = random.Random(16)
    same = 0
    for _ in range(QUESTIONS):
        # Of eight dimensions, repeated, as the chunks. With 256 independent ones nothing is near, and the recall
        # depends on the random levels of the index: 0.93 to 1.00.
        question = str([chosen.random() - 0.5 for _ in range(8)] * 32)
        values = {"model_id": WORD_MODEL, "base_id": base_id, "question": question, "top": TOP, "wanted": WANTED}
        exact = {row["id"] for row in filled.admin.execute(EXACT, values).fetchall()}

        ids, scans = search(filled, name, values)

        # The count of the chunks, and the index. A third scan would be the exact search of a page that was not filled.
        assert scans == {"hnsw": 1, "every": 2}
        assert len(ids) == len(set(ids)) == WANTED
        same += len(exact & set(ids))

    print(f"\n{base_id}: recall {same / (QUESTIONS * WANTED):.3f} at {WANTED}")
    assert same >= 0.95 * QUESTIONS * WANTED


def test_other_tenant_finds_nothing_of_it(filled: KbWorld) -> None:
    values = {"model_id": WORD_MODEL, "base_id": GLOBEX_BASE, "question": str([0.1] * 256), "top": TOP}

    assert search(filled, "dave", values)[0] == []
