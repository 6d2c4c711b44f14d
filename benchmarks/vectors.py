"""Vector search under row-level security, with 100,000 chunks of 2 and of 200 tenants of very different sizes.

Each search calls the function of the module as a member of one tenant. An exact search of their rows by a superuser
says what it should find. The benchmark prints recall, how often a search finds as many passages as wanted, how many
belong to another tenant, and the time compared with the same function called by a superuser with the same claims, who
bypasses policies.

    python benchmarks/vectors.py [CHUNKS [QUERIES]]
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Sequence
from itertools import starmap
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import numpy
import psycopg
from psycopg import sql

from org_common.testing.client import ISSUER
from org_common.tools.database.local import provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.project.project import Project

ROOT = Path(__file__).parent
CHUNKS = 100_000
DIMENSIONS = 256
TOP = 10
QUESTIONS = 300
"""With the recall and the times of each."""
FOREIGN_QUERIES = 10_000
"""In all: searches whose passages are checked for other tenants'."""
RECALL, RATIO = 0.95, 1.5
MODEL = UUID(int=7)

HITS = (
    "select h.id, c.org_id from kb.vector_hits(%s, %s::text::public.vector, %s, %s) h "
    "join kb.kb_chunks c on c.org_id = h.org_id and c.id = h.id where h.rank <= %s"
)
SEARCHED = """
select pg_get_indexdef(oid) from pg_class where oid in ('kb.chunks_256'::regclass, 'kb.kb_chunks_tsv_idx'::regclass)
"""
EXACT = """
select id from kb.kb_chunks where base_id = any (%s)
order by (embedding operator(public.<=>) %s::text::public.vector) + 0, id limit %s
"""


class Tenant(NamedTuple):
    org_id: UUID
    base_id: UUID
    user_id: UUID
    chunks: int


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else CHUNKS
    queries = int(sys.argv[2]) if len(sys.argv) > 2 else FOREIGN_QUERIES
    with EmbeddedPostgres.start(durable=False) as server:
        project = Project.find(ROOT.parent)
        migrations = load(project.migrations, root=project.root)
        for count in (2, 200):
            name, sizes = f"{count} tenants", split(total, count)
            database = name.replace(" ", "_")
            local = provision(server.url, database, migrations, extensions=project.extensions)
            begun = time.perf_counter()
            with psycopg.connect(local.admin_url, autocommit=True) as admin:
                vectors = clusters(total)
                tenants = fill(admin, sizes, vectors)
                print(f"\n{name} of {min(sizes)} to {max(sizes)} chunks, filled in {time.perf_counter() - begun:.0f} s")
                with psycopg.connect(local.admin_url, autocommit=True) as member:
                    measure(admin, member, tenants, vectors, queries // 2)


def split(total: int, count: int) -> list[int]:
    """Sizes that fall like 1/n, and at 2 tenants like 9 to 1."""
    weights = [9.0, 1.0] if count == 2 else [1 / at for at in range(1, count + 1)]
    sizes = [max(20, int(total * weight / sum(weights))) for weight in weights]
    return [sizes[0] + total - sum(sizes), *sizes[1:]]


def clusters(total: int) -> Any:
    """Vectors in 500 groups of topics, as those of texts are: with evenly drawn ones, all distances are alike."""
    numbers = numpy.random.default_rng(7)
    centres = numbers.normal(size=(500, DIMENSIONS))
    vectors = centres[numbers.integers(0, 500, total)] + numbers.normal(size=(total, DIMENSIONS)) * 0.8
    return (vectors / numpy.linalg.norm(vectors, axis=1)[:, None]).astype(numpy.float32)


def fill(admin: psycopg.Connection, sizes: Sequence[int], vectors: Any) -> list[Tenant]:
    """Organizations with a member, a base and a document each. Built like production: rows first, then VACUUM."""
    tenants = [
        Tenant(UUID(int=at * 8 + 1), UUID(int=at * 8 + 2), UUID(int=at * 8 + 3), n) for at, n in enumerate(sizes)
    ]
    with admin.transaction():
        for tenant in tenants:
            add_tenant(admin, tenant)
    at = 0
    # What triggers and foreign keys check is true by construction.
    with admin.transaction(), admin.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        # Building an index is faster than filling it.
        indexes = [name for (name,) in cursor.execute(SEARCHED).fetchall()]
        for name in ("chunks_256", "kb_chunks_tsv_idx"):
            cursor.execute(sql.SQL("drop index kb.{}").format(sql.Identifier(name)))
        columns = (
            "org_id, base_id, document_id, model_id, seq, content, language, tokens, start_char, end_char, embedding, "
            "created_at, updated_at"
        )
        with cursor.copy(f"copy kb.kb_chunks ({columns}) from stdin") as copy:
            for tenant in tenants:
                for seq in range(tenant.chunks):
                    embedding = "[" + ",".join(f"{value:.5g}" for value in vectors[at]) + "]"
                    content = f"Passage {seq} of a document about topic {at % 997}, and some more words."
                    row = (tenant.org_id, tenant.base_id, tenant.base_id, MODEL, seq, content, "english", 90, 0, 9)
                    copy.write_row((*row, embedding, "2026-11-30", "2026-11-30"))
                    at += 1
    admin.execute("set maintenance_work_mem = '512MB'")
    for definition in indexes:
        admin.execute(definition)
    admin.execute("vacuum analyze kb.kb_chunks")
    return tenants


def add_tenant(admin: psycopg.Connection, tenant: Tenant) -> None:
    org, base, user = str(tenant.org_id), str(tenant.base_id), str(tenant.user_id)
    admin.execute("insert into access.users (id, email) values (%s, %s)", [user, f"{user}@b.test"])
    admin.execute(
        "insert into access.user_identities (issuer, subject, user_id) values (%s, %s, %s)", [ISSUER, user, user]
    )
    admin.execute("insert into access.orgs (id, name, slug) values (%s, 'Org', %s)", [org, f"o-{org[-12:]}"])
    admin.execute("insert into access.org_members (org_id, user_id, org_role) values (%s, %s, 'org_user')", [org, user])
    admin.execute("insert into kb.kb_bases (org_id, id, scope, name) values (%s, %s, 'organization', 'B')", [org, base])
    admin.execute(
        "insert into kb.kb_documents (org_id, base_id, id, filename, media_type, size_bytes, sha256) "
        "values (%s, %s, %s, 'a.txt', 'text/plain', 1, repeat('0', 64))",
        [org, base, base],
    )
    admin.execute(
        "insert into kb.kb_indexes (org_id, base_id, model_id, dimensions, state) values (%s, %s, %s, %s, 'active')",
        [org, base, MODEL, DIMENSIONS],
    )


def measure(
    admin: psycopg.Connection, member: psycopg.Connection, tenants: list[Tenant], vectors: Any, searches: int
) -> None:
    drawn = random.Random(3)  # noqa: S311 - repeatable questions
    every = [tenant.base_id for tenant in tenants]
    recalls: list[float] = []
    filled = foreign = 0
    times: dict[str, list[float]] = {"as a member": [], "without policies": []}
    for at in range(searches):
        # Half of the searches by tenant, half by chunk: small tenants count, and so do big ones.
        weights = None if at % 2 else [tenant.chunks for tenant in tenants]
        (tenant,) = drawn.choices(tenants, weights)
        question = perturbed(vectors[drawn.randrange(len(vectors))], at)
        detailed = at < QUESTIONS
        become(member, tenant, "authenticated")
        # The function asks whether the caller's bases are large: without the claims, it would not use HNSW.
        become(admin, tenant, "none")
        # Each search names all bases of all tenants, but for those that are timed.
        bases = [tenant.base_id] if detailed else every
        if detailed:
            # The first search of a question reads pages of the index that the second one finds in memory.
            timed(admin, [MODEL, question, bases, TOP, TOP])
        found, seconds = timed(member, [MODEL, question, bases, TOP, TOP])
        foreign += sum(org_id != tenant.org_id for _, org_id in found)
        filled += len(found) == min(TOP, tenant.chunks)
        if detailed:
            times["as a member"].append(seconds)
            _, seconds = timed(admin, [MODEL, question, bases, TOP, TOP])
            times["without policies"].append(seconds)
            exact = {id for (id,) in admin.execute(EXACT, [bases, question, TOP])}
            recalls.append(len(exact & {id for id, _ in found}) / len(exact))
    report(recalls, times, filled, foreign, searches)


def report(recalls: list[float], times: dict[str, list[float]], filled: int, foreign: int, searches: int) -> None:
    print(f"  recall@{TOP}: mean {statistics.fmean(recalls):.3f}, least {min(recalls):.2f} (budget {RECALL})")
    print(f"  searches that found all {TOP}: {filled} of {searches}; passages of other tenants: {foreign}")
    for name, each in times.items():
        print(f"  {name}: p50 {quantile(each, 50) * 1e3:.2f} ms, p95 {quantile(each, 95) * 1e3:.2f} ms")
    ratios = starmap(lambda a, b: a / b, zip(*times.values(), strict=True))
    print(f"  ratio: median {statistics.median(ratios):.2f} (budget {RATIO})")


def perturbed(vector: Any, seed: int) -> str:
    noise = numpy.random.default_rng(seed).normal(size=DIMENSIONS) * 0.03
    return "[" + ",".join(f"{value:.5g}" for value in vector + noise) + "]"


def become(conn: psycopg.Connection, tenant: Tenant, role: str) -> None:
    user = str(tenant.user_id)
    conn.execute(
        "select set_config('role', %s, false), set_config('request.jwt.claims', %s, false)",
        [role, json.dumps({"iss": ISSUER, "outer_sub": user, "sub": user})],
    )


def timed(conn: psycopg.Connection, values: list[object]) -> tuple[list[tuple[Any, ...]], float]:
    begun = time.perf_counter()
    rows = conn.execute(HITS, values, prepare=False).fetchall()
    return rows, time.perf_counter() - begun


def quantile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    main()
