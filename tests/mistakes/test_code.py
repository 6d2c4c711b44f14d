"""Mistakes in the code of an app, made for real: `org-common routes --check` says what, where and what to do.

Each project is a folder with one module. The message has to name the fault, the place (file and line, and the route or
parameter) and what to write.
"""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.mistakes.graded import Case, check

HEAD = """\
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field
from org_common import (PUBLIC, SIGNED_IN, TOKEN, App, Check, Cookie, Form, Header, Model, OrgCheck, PageRequest, Query,
    Reader, Request, Response, Router, Transaction)

app = App("shop")


class New(Model):
    name: str


class Clock:
    pass


"""
LINES = HEAD.count("\n")


class Mistake(NamedTuple):
    """One mistake: the code below `HEAD`, and what its message says."""

    name: str
    code: str
    what: str
    where: str
    do: str
    row: int = 0

    @property
    def case(self) -> Case:
        return Case(self.row, self.name, self.what, self.where, self.do)


MISTAKES = [
    Mistake(
        "async handler",
        '@app.get("/a", allow=PUBLIC)\nasync def get_a() -> None: ...',
        "is async",
        "'get_a'",
        "Write `def`",
        5,
    ),
    Mistake(
        "generator",
        '@app.get("/a", allow=PUBLIC)\ndef get_a() -> Any:\n    yield 1',
        "yields",
        "'get_a'",
        "return a list",
        40,
    ),
    Mistake(
        "no annotation",
        '@app.get("/a", allow=PUBLIC)\ndef get_a(limit) -> None: ...',
        "no annotation",
        "'limit'",
        "`limit: str`",
        6,
    ),
    Mistake(
        "path parameter forgotten",
        '@app.get("/a/{a_id}", allow=PUBLIC)\ndef get_a() -> None: ...',
        "does not take the path parameter",
        "'a_id'",
        "add `a_id: UUID`",
        6,
    ),
    Mistake(
        "rule forgotten",
        '@app.get("/a")\ndef get_a() -> None: ...',
        "no access rule",
        "GET /a",
        "add allow=SIGNED_IN",
        7,
    ),
    Mistake(
        "option misspelt",
        '@app.post("/a", allow=TOKEN, idempotant=True)\ndef post_a(tx: Transaction) -> None: ...',
        "unknown option 'idempotant'",
        "POST /a",
        "Did you mean idempotent?",
        8,
    ),
    Mistake(
        "rule's parameter",
        '@app.get("/a", allow=OrgCheck("org_user"))\ndef get_a() -> None: ...',
        "the access rule needs %(org_id)s",
        "GET /a",
        "Add it to the path: /{org_id}",
        9,
    ),
    Mistake(
        "two bodies",
        '@app.post("/a", allow=PUBLIC)\ndef post_a(a: New, b: New) -> None: ...',
        "takes two bodies",
        "'post_a'",
        "combine them into one model",
        10,
    ),
    Mistake(
        "list as body",
        '@app.post("/a", allow=PUBLIC)\ndef post_a(a: list[New]) -> None: ...',
        "cannot be bound as list[",
        "'a'",
        "`class New(Model): items: list[Item]`",
        10,
    ),
    Mistake(
        "dict as body",
        '@app.post("/a", allow=PUBLIC)\ndef post_a(a: dict[str, Any]) -> None: ...',
        "cannot be bound as dict[str, typing.Any]",
        "'a'",
        "give it a field",
        10,
    ),
    Mistake(
        "upload",
        '@app.post("/a", allow=PUBLIC)\ndef post_a(body: bytes) -> None: ...',
        "cannot be bound as bytes",
        "'body'",
        "`request: Request`, and read `request.body`",
        11,
    ),
    Mistake(
        "provided by nothing, in an app",
        '@app.get("/a", allow=PUBLIC)\ndef get_a(clock: Clock) -> None: ...',
        "cannot be bound as Clock",
        "'clock'",
        "app.provide(Clock, factory)",
    ),
    Mistake(
        "provided by nothing, in a router",
        'r = Router()\n\n\n@r.get("/a", allow=PUBLIC)\ndef get_a(clock: Clock) -> None: ...\n\n\napp.include(r)',
        "takes a Clock, which nothing provides",
        "GET /a: the handler 'get_a'",
        "Above include(), call app.provide(Clock, factory)",
        12,
    ),
    Mistake(
        "import for type checkers",
        "if False:\n    from decimal import Decimal\n\n\n"
        '@app.get("/a", allow=PUBLIC)\ndef get_a(n: "Decimal") -> None: ...',
        "'Decimal' is not defined at run time",
        "'get_a'",
        "Import it at module level",
        13,
    ),
    Mistake(
        "Flask's path",
        '@app.get("/a/<org_id>", allow=PUBLIC)\ndef get_a() -> None: ...',
        "'<org_id>'",
        "GET /a/",
        "/orgs/{org_id}",
        14,
    ),
    Mistake(
        "Starlette's path",
        '@app.get("/{id:uuid}", allow=PUBLIC)\ndef get_a() -> None: ...',
        "{id:uuid}",
        "GET /",
        "/orgs/{org_id}",
        14,
    ),
    Mistake(
        "no slash",
        '@app.get("a", allow=PUBLIC)\ndef get_a() -> None: ...',
        "'a' must begin with '/'",
        "GET a",
        "begin with '/'",
        14,
    ),
    Mistake(
        "route twice",
        '@app.get("/a", allow=PUBLIC)\ndef get_a() -> None: ...\n\n\n'
        '@app.get("/a", allow=PUBLIC)\ndef get_b() -> None: ...',
        "GET /a is declared twice",
        f"shop.py:{LINES + 1} has it already",
        "Remove one of them",
        15,
    ),
    Mistake(
        "route twice, other parameter",
        '@app.get("/{a}", allow=PUBLIC)\ndef get_a(a: str) -> None: ...\n\n\n@app.get("/{b}", allow=PUBLIC)\n'
        "def get_b(b: str) -> None: ...",
        "GET /{b} is declared twice",
        f"shop.py:{LINES + 1} has it already (GET /{{a}})",
        "Remove one of them",
        15,
    ),
    Mistake(
        "error handler's arity",
        "@app.error(KeyError)\ndef failed(error: KeyError) -> Response: ...",
        "is called with two arguments",
        "the error handler of KeyError: 'failed'",
        "`def failed(error, request) -> OrgError`",
        17,
    ),
    Mistake(
        "error handler's class",
        "@app.error\ndef failed() -> None: ...",
        "name the class",
        "error(<function failed",
        "@app.error(KeyError)",
    ),
    Mistake(
        "middleware's arity",
        'def timed(request: Request) -> Response: ...\n\n\napp = App("other", middleware=[timed])',
        "is called with two arguments",
        "middleware of App('other'): 'timed'",
        "`def timed(request, next) -> Response`",
        18,
    ),
    Mistake(
        "async middleware",
        'async def timed(request: Request, next: Any) -> Response: ...\n\n\napp = App("other", middleware=[timed])',
        "is async or yields",
        "'timed'",
        "write a plain function",
    ),
    Mistake(
        "BaseModel as body",
        'class Old(BaseModel):\n    a: int\n\n\n@app.post("/a", allow=PUBLIC)\ndef post_a(body: Old) -> None: ...',
        "Old is a pydantic BaseModel",
        "POST /a: the handler 'post_a': 'body'",
        "`class Old(Model)`",
        20,
    ),
    Mistake(
        "BaseModel as result",
        'class Old(BaseModel):\n    a: int\n\n\n@app.get("/a", allow=PUBLIC)\ndef get_a() -> list[Old]: ...',
        "contains Old, which is a pydantic BaseModel",
        "GET /a: the return annotation",
        "`class Old(Model)`",
    ),
    Mistake(
        "BaseModel inside",
        "class Old(BaseModel):\n    a: int\n\n\nclass Body(Model):\n    old: Old\n\n\n"
        '@app.post("/a", allow=PUBLIC)\ndef post_a(body: Body) -> None: ...',
        "Old is a pydantic BaseModel",
        "POST /a, handler 'post_a': body parameter 'body'",
        "`class Old(Model)`",
        20,
    ),
    Mistake(
        "set as result",
        '@app.get("/a", allow=PUBLIC)\ndef get_a() -> set[int]: ...',
        "set[int] is not JSON",
        "GET /a",
        "return a list",
        40,
    ),
    Mistake(
        "bytes as result",
        '@app.get("/a", allow=PUBLIC)\ndef get_a() -> bytes: ...',
        "bytes is not JSON",
        "GET /a",
        "return Response(",
        40,
    ),
    Mistake(
        "object as result",
        '@app.get("/a", allow=PUBLIC)\ndef get_a() -> Clock: ...',
        "Clock is not JSON",
        "GET /a",
        "return a model",
        40,
    ),
    Mistake(
        "keys that are no strings",
        '@app.get("/a", allow=PUBLIC)\ndef get_a() -> dict[UUID, int]: ...',
        "has keys that JSON does not have",
        "GET /a",
        "`dict[str, int]`",
    ),
    Mistake(
        "status in the annotation",
        '@app.get("/a", allow=PUBLIC)\ndef get_a() -> tuple[dict[str, int], int]: ...',
        "is a body and a status",
        "GET /a",
        "status=201 on the route",
        41,
    ),
    Mistake(
        "status in the result",
        '@app.post("/a", allow=PUBLIC)\ndef post_a() -> dict[str, int]:\n    return {"a": 1}, 201',
        "returns a body and a status",
        f"POST /a, handler 'post_a': line {LINES + 3}",
        "declare the status on the route, status=201",
        41,
    ),
    Mistake(
        "None that is not declared",
        '@app.get("/a", allow=PUBLIC)\ndef get_a() -> New:\n    return None',
        "returns None, but the annotation is `-> New`",
        f"GET /a, handler 'get_a': line {LINES + 3}",
        "raise NotFound(), or annotate it `-> New | None`",
    ),
    Mistake(
        "status of an error",
        '@app.get("/a", allow=PUBLIC, status=404)\ndef get_a() -> None: ...',
        "status=404",
        "GET /a",
        "NotFound()",
    ),
    Mistake(
        "marker as default",
        '@app.get("/a", allow=PUBLIC)\ndef get_a(limit: int = Query(ge=1)) -> None: ...',
        "has a marker as its default",
        "'limit'",
        "write `limit: Annotated[int, Query(ge=1)]`",
    ),
    Mistake(
        "default within the marker",
        '@app.get("/a", allow=PUBLIC)\ndef get_a(limit: Annotated[int, Query(default=5)]) -> None: ...',
        "Query(default=...)",
        f"shop.py:{LINES + 2}",
        "Write a default behind the annotation",
    ),
    Mistake(
        "Field as default",
        '@app.get("/a", allow=PUBLIC)\ndef get_a(n: int = Field(ge=1)) -> None: ...',
        "has pydantic's Field() as its default",
        "'n'",
        "`n: Annotated[int, Query(ge=1)]`",
    ),
    Mistake(
        "pattern with look-around",
        'class P(Model):\n    p: str = Field(pattern="^(?!a)")\n\n\n'
        '@app.post("/a", allow=PUBLIC)\ndef post_a(body: P) -> None: ...',
        "the pattern cannot be compiled",
        "body parameter 'body': P.p",
        "`@field_validator`",
    ),
    Mistake(
        "parameter's pattern",
        '@app.get("/a", allow=PUBLIC)\ndef get_a(q: Annotated[str, Query(pattern="^(?!a)")]) -> None: ...',
        "the pattern cannot be compiled",
        "query parameter 'q'",
        "`@field_validator`",
    ),
    Mistake(
        "names that collide",
        '@app.get("/a", allow=PUBLIC)\ndef get_a(org_id: int, orgId: int) -> None: ...',
        "have the same name in the request",
        "'org_id' and 'orgId'",
        "rename one of them",
    ),
    Mistake(
        "fields that collide",
        "class P(Model):\n    a_b: int\n    aB: int\n\n\n"
        '@app.post("/a", allow=PUBLIC)\ndef post_a(body: P) -> None: ...',
        "have the same name in JSON, 'aB'",
        "P.aB and a_b",
        "rename one of them",
    ),
    Mistake(
        "two base paths",
        "from org_common.events.http_api import HttpApi\n"
        'app = App("b", events=(HttpApi(base_path="/a"), HttpApi(base_path="/b")))',
        "would take all events of both",
        "App('b')",
        "declare two apps",
    ),
    Mistake(
        "authorizer that is not there",
        'from org_common import FUNCTION_URL\napp = App("b", events=(FUNCTION_URL,))',
        "relies on an authorizer, and FUNCTION_URL has none",
        "App('b')",
        "identity=Bearer(...)",
    ),
    Mistake(
        "writes in a GET",
        '@app.get("/a", allow=TOKEN)\ndef get_a(tx: Transaction) -> None: ...',
        "takes a Transaction, and GET must not write",
        "GET /a",
        "take a Reader",
    ),
]
CASES = [mistake.case for mistake in MISTAKES]


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_message_says_what_where_and_what_to_do(mistake: Mistake, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(HEAD + mistake.code + "\n")
    (tmp_path / "pyproject.toml").write_text('[tool.org-common]\napps = ["shop:app"]\n')
    command = "from org_common.tools.cli import main; main()"

    result = subprocess.run(
        [sys.executable, "-c", command, "routes", "--check"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "shop.py:" in result.stderr
    check(mistake.case, result.stderr)
