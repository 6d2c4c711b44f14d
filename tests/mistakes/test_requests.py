"""Mistakes that the first request shows: results that are not JSON, settings that are not set, and wrong requests."""

from pathlib import Path

import pytest

from org_common.testing.client import Answer, Client, Person
from org_common.tools.database.local import LocalDatabase
from tests.mistakes.desk import HEAD, Sent, imported, send
from tests.mistakes.graded import Case, check, ids
from tests.support.lab import ISSUER

pytestmark = pytest.mark.db

LINE = HEAD.count("\n")
# The handler has returned, so the place is its route.
ROUTE = "ERROR GET /x failed"


def returns(case: Case, expression: str, annotation: str = "Any") -> Sent:
    code = (
        f'@app.get("/x", allow=PUBLIC)\ndef get_x() -> {annotation}:\n    value: Any = {expression}\n    return value\n'
    )
    return Sent(case, code)


SENT = [
    Sent(
        Case(17, "tuple", "got tuple", "the error handler 'failed' of KeyError", "Example: return Conflict("),
        "@app.error(KeyError)\ndef failed(error: KeyError, request: Request) -> Any:\n    return {}, 404\n\n\n"
        '@app.get("/x", allow=PUBLIC)\ndef get_x() -> None:\n    raise KeyError\n',
    ),
    Sent(
        Case(
            36, "cursor key", "ORG_COMMON_CURSOR_KEYS is not set", ROUTE.replace("failed", ""), "`openssl rand -hex 32`"
        ),
        '@app.get("/x", allow=SIGNED_IN)\ndef get_x(db: Reader, page: PageRequest) -> Page[Ticket]:\n'
        '    return db.page(Ticket, "select id, subject from desk.tickets", page=page, by=("id",))\n',
        is_served=False,
    ),
    returns(
        Case(40, "set", "the handler returned a set", ROUTE, "return a model, a dict, a list or a Response"), "{1}"
    ),
    returns(Case(40, "bytes", "the handler returned a bytes", ROUTE, "a list or a Response"), 'b"a"'),
    returns(Case(40, "object", "the handler returned a object", ROUTE, "a list or a Response"), "object()"),
    returns(Case(40, "generator", "the handler returned a generator", ROUTE, "a list or"), "(n for n in [1])"),
    returns(
        Case(41, "tuple with status", "a tuple of a body and the number 201", ROUTE, "on the route: status=201"),
        '({"a": 1}, 201)',
    ),
    returns(
        Case(41, "None with a body", "must return None, as annotated, but returned dict", ROUTE, "`-> dict`"),
        '{"a": 1}',
        "None",
    ),
    returns(
        Case(41, "one row", "must return list[desk.Ticket], as annotated, but returned Ticket", ROUTE, "return a list"),
        'Ticket(id=1, subject="a")',
        "list[Ticket]",
    ),
    returns(
        Case(0, "another type", "must return list[desk.Ticket], as annotated, but returned dict", ROUTE, "`-> dict`"),
        "{}",
        "list[Ticket]",
    ),
    Sent(
        Case(
            59, "secret", "env:UPLOAD_KEY: the variable is not set", f"desk.py:{LINE + 3} get_x", "set it, or refer to"
        ),
        '@app.get("/x", allow=PUBLIC)\ndef get_x() -> Any:\n    return get_secret("env:UPLOAD_KEY")\n',
    ),
    Sent(
        Case(
            *(60, "service", "ORG_COMMON_SERVICE_DATABASE_URL is not set", f"desk.py:{LINE + 4} get_x"),
            "Example: ORG_COMMON_SERVICE_DATABASE_SECRET=",
        ),
        '@app.get("/x", allow=PUBLIC)\ndef get_x() -> Any:\n    with service_transaction(reason="test") as tx:\n'
        '        return tx.value("select 1")\n',
        is_served=False,
    ),
]
ECHO = """
class Due(Model):
    due_on: date


@app.post("/x", allow=SIGNED_IN)
def post_x(body: Due) -> None: ...
"""
ALICE = Person("local|alice", issuer=ISSUER)
WRONG: list[tuple[Case, int, str, bytes, dict[str, str]]] = [
    (
        Case(78, "no Bearer", "must be sent once, as", "The Authorization header", "Bearer TOKEN"),
        *(401, "/x", b"{}", {"authorization": ALICE.token()}),
    ),
    (
        Case(78, "no content type", "unsupported_media_type", "The body must be", "application/json"),
        *(415, "/x", b"{}", {"content-type": ""}),
    ),
    (
        Case(78, "single quotes", "The body is not valid JSON", "line 1 column 2", "key must be a string"),
        *(400, "/x", b"{'dueOn': '2026-01-01'}", {}),
    ),
    (
        Case(
            78,
            "snake_case",
            "Extra inputs are not permitted",
            "#/due_on",
            '"pointer":"#/dueOn","detail":"Field required"',
        ),
        *(422, "/x", b'{"due_on": "2026-01-01"}', {}),
    ),
    (
        Case(78, "trailing slash", "There is no route with this path", "Its last character is a slash", "remove it"),
        *(404, "/x/", b'{"dueOn": "2026-01-01"}', {}),
    ),
]
CASES = [sent.case for sent in SENT] + [case for case, *_ in WRONG]


@pytest.mark.parametrize("sent", SENT, ids=ids(sent.case for sent in SENT))
def test_terminal_says_what_where_and_what_to_do(
    sent: Sent,
    desk_database: LocalDatabase,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ORG_COMMON_DATABASE_URL", desk_database.login_url)
    monkeypatch.setenv("ORG_COMMON_ALLOW_PLAIN_SECRETS", "1")

    answer = send(sent, desk_database, tmp_path)

    message = capsys.readouterr().err
    print(message)
    assert answer.status == sent.status, message
    check(sent.case, message)


@pytest.mark.parametrize(("case", "status", "path", "body", "headers"), WRONG, ids=ids(case for case, *_ in WRONG))
def test_response_says_what_where_and_what_to_do(
    case: Case,
    status: int,
    path: str,
    body: bytes,
    headers: dict[str, str],
    desk_database: LocalDatabase,
    tmp_path: Path,
) -> None:
    with imported(tmp_path, ECHO) as desk, desk_database.serve(desk.app):
        answer: Answer = Client(desk.app, person=ALICE).send("POST", path, body=body, headers=headers)

    assert answer.status == status
    check(case, answer.body.decode())
