"""Search quality: recall@5 and MRR of text, vector and hybrid search, next to full text alone and BM25.

The documents and questions in `search_sets/` were written for this benchmark and are in the public domain (CC0). Each
question has one right document. A question that begins with `=` shares words with it; one with `~` is a paraphrase with
hardly a shared word. The fusion was chosen on the tuned sets; the held-out sets were written with it and never used
for a choice. All documents are searched together, in one knowledge base.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import bm25s  # type: ignore[import-untyped]
import psycopg

from cora_modules.ai import word_vectors
from cora_modules.kb.queries.search import SEARCH
from org_common.testing.client import ISSUER
from org_common.tools.database.local import provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.project.project import Project

ROOT = Path(__file__).parent
SETS = ("tuned_english", "tuned_german", "heldout_english", "heldout_german")
KINDS = {"=": "same words", "~": "paraphrases"}
TOP = 10
ORG, USER, BASE, MODEL = (UUID(int=at) for at in range(1, 5))


@dataclass(frozen=True)
class Document:
    title: str
    text: str
    language: str


@dataclass(frozen=True)
class Question:
    text: str
    kind: str
    part: str
    answer: int
    """The place of the right document."""


Search = Callable[[Question], list[int]]


def main() -> None:
    documents, questions = read()
    print(f"{len(documents)} documents, {len(questions)} questions")
    with EmbeddedPostgres.start(durable=False) as server:
        project = Project.find(ROOT.parent)
        local = provision(
            server.url, "bench", load(project.migrations, root=project.root), extensions=project.extensions
        )
        with psycopg.connect(local.admin_url, autocommit=True) as admin:
            fill(admin, documents)
        with psycopg.connect(local.admin_url) as conn:
            become_member(conn)
            searches = {
                "full text (AND)": full_text(conn),
                "BM25": bm25(documents),
                "text": ours(conn, vectors=False),
                "vector": ours(conn, words=False),
                "hybrid": ours(conn),
            }
            report(questions, {name: measure(questions, search) for name, search in searches.items()})


def read() -> tuple[list[Document], list[Question]]:
    documents: list[Document] = []
    questions: list[Question] = []
    for part in SETS:
        language = part.partition("_")[2]
        for line in (ROOT / "search_sets" / f"{part}.txt").read_text("utf-8").splitlines():
            mark, _, rest = line.partition(" ")
            if mark == "#":
                title = rest
            elif mark in KINDS:
                questions.append(Question(rest, mark, part, len(documents) - 1))
            else:
                documents.append(Document(title, line, language))
    return documents, questions


def fill(admin: psycopg.Connection, documents: list[Document]) -> None:
    """One organization with one member and one base, in which each document is one chunk."""
    with admin.transaction():
        admin.execute(
            "insert into access.users (id, email) values (%s, 'u@bench.test')",
            [USER],
        )
        admin.execute(
            "insert into access.user_identities (issuer, subject, user_id) values (%s, 'u', %s)", [ISSUER, USER]
        )
        admin.execute(
            "insert into access.orgs (id, name, slug) values (%s, 'Org', 'org')",
            [ORG],
        )
        admin.execute(
            "insert into access.org_members (org_id, user_id, org_role) values (%s, %s, 'org_user')",
            [ORG, USER],
        )
        admin.execute(
            "insert into kb.kb_bases (org_id, id, scope, name) values (%s, %s, 'organization', 'Base')",
            [ORG, BASE],
        )
        admin.execute(
            "insert into kb.kb_indexes (org_id, base_id, model_id, dimensions, state) "
            "values (%s, %s, %s, 256, 'active')",
            [ORG, BASE, MODEL],
        )
        vectors = word_vectors.embed([each.text for each in documents])
        for at, (document, vector) in enumerate(zip(documents, vectors, strict=True)):
            add_document(admin, at, document, vector)


def add_document(admin: psycopg.Connection, at: int, document: Document, vector: list[float]) -> None:
    document_id = uuid4()
    admin.execute(
        "insert into kb.kb_documents (org_id, base_id, id, filename, media_type, size_bytes, sha256) "
        "values (%s, %s, %s, %s, 'text/plain', 1, repeat('0', 64))",
        [ORG, BASE, document_id, str(at)],
    )
    admin.execute(
        "insert into kb.kb_chunks (org_id, base_id, document_id, model_id, seq, content, language, tokens, "
        "start_char, end_char, embedding) "
        "values (%s, %s, %s, %s, 0, %s, %s, 1, 0, 1, %s::text::public.vector)",
        [ORG, BASE, document_id, MODEL, document.text, document.language, str(vector)],
    )


def become_member(conn: psycopg.Connection) -> None:
    conn.execute(
        "select set_config('role', 'authenticated', false), set_config('request.jwt.claims', %s, false)",
        [json.dumps({"iss": ISSUER, "outer_sub": "u", "sub": str(USER)})],
    )


def ours(conn: psycopg.Connection, *, words: bool = True, vectors: bool = True) -> Search:
    """The statement of the module, as a member of the organization."""

    def search(question: Question) -> list[int]:
        values = {
            "base_ids": [BASE],
            "base_models": [MODEL],
            "searched_models": [MODEL] if vectors else [],
            "vectors": [str(each) for each in word_vectors.embed([question.text])] if vectors else [],
            "words": question.text if words else "",
            "top_k": TOP,
        }
        cursor = conn.execute(SEARCH, values)
        names = [each.name for each in cursor.description or ()]
        return [int(row[names.index("title")]) for row in cursor]

    return search


def full_text(conn: psycopg.Connection) -> Search:
    """PostgreSQL's own: all words of the question, in its language."""

    def search(question: Question) -> list[int]:
        language = question.part.partition("_")[2]
        found = conn.execute(
            "select d.filename from kb.kb_chunks c join kb.kb_documents d on d.id = c.document_id, "
            "websearch_to_tsquery(%s::text::regconfig, %s) q where c.tsv @@ q "
            "order by ts_rank_cd(c.tsv, q, 1) desc limit %s",
            [language, question.text, TOP],
        )
        return [int(name) for (name,) in found]

    return search


def bm25(documents: list[Document]) -> Search:
    """bm25s with its defaults: English stop words, no stemmer."""
    retriever = bm25s.BM25()
    retriever.index(bm25s.tokenize([each.text for each in documents], show_progress=False), show_progress=False)

    def search(question: Question) -> list[int]:
        places, scores = retriever.retrieve(
            bm25s.tokenize(question.text, show_progress=False), k=TOP, show_progress=False
        )
        return [int(at) for at, score in zip(places[0], scores[0], strict=True) if score > 0]

    return search


def measure(questions: list[Question], search: Search) -> list[int | None]:
    """The rank of the right document for each question, from 1."""
    ranks = []
    for question in questions:
        found = search(question)
        ranks.append(found.index(question.answer) + 1 if question.answer in found else None)
    return ranks


def report(questions: list[Question], measured: dict[str, list[int | None]]) -> None:
    for group, wanted in groups(questions):
        print(f"\n{group}: {len(wanted)} questions")
        for name, ranks in measured.items():
            recall, mrr = scores([ranks[at] for at in wanted])
            print(f"  {name:16} recall@5 {recall:.2f}  MRR {mrr:.3f}")
        best = max(scores([measured[name][at] for at in wanted])[1] for name in ("text", "vector"))
        hybrid = scores([measured["hybrid"][at] for at in wanted])[1]
        print(f"  hybrid / better part: {hybrid / best:.2f} (at least 1.00)")


def groups(questions: list[Question]) -> Iterator[tuple[str, list[int]]]:
    for kind, label in KINDS.items():
        for part in (*SETS, "tuned", "heldout", ""):
            wanted = [at for at, each in enumerate(questions) if each.kind == kind and each.part.startswith(part)]
            yield f"{label}, {part or 'all'}", wanted


def scores(ranks: list[int | None]) -> tuple[float, float]:
    """Recall@5, and the mean reciprocal rank."""
    return (
        statistics.fmean(rank is not None and rank <= 5 for rank in ranks),
        statistics.fmean(1 / rank if rank else 0 for rank in ranks),
    )


if __name__ == "__main__":
    main()
