"""One transaction, step by step, beside what it would leave in the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

import pytest

from org_common.db.protocol.statement import StatementError
from org_common.db.transaction import Transaction
from org_common.values.errors import Forbidden, OrgError, Unavailable, Unprocessable
from tests.soak.tenants import Item, Tenant

if TYPE_CHECKING:
    from tests.soak.units import Soak

ITEMS: LiteralString = "select org_id, id, body, size from soak.items order by id"
INSERT: LiteralString = "insert into soak.items (org_id, id, body) values (%(org_id)s, %(id)s, %(body)s)"
UPDATE: LiteralString = "update soak.items set body = %(body)s where org_id = %(org_id)s and id = %(id)s"
DELETE: LiteralString = "delete from soak.items where org_id = %(org_id)s and id = %(id)s"
OF_ORG: LiteralString = "select org_id, id, body, size from soak.items where org_id = %(org_id)s"
STEAL: LiteralString = "update soak.items set body = 'stolen' where org_id = %(org_id)s"
TOO_SMALL: LiteralString = "insert into soak.items (org_id, id, body, size) values (%(org_id)s, -1, 'x', -1)"
PID: LiteralString = "select pg_backend_pid()"
CONTROLS: tuple[LiteralString, ...] = (
    "commit",
    "/* */ rollback",
    "set role app_sys",
    "reset role",
    "select set_config('role', 'app_sys', false)",
    "--\rcommit",
)
TWO_TEXTS: LiteralString = "select 1; reset role"


# More rows than this tell nothing new.
MOST_ROWS = 24

PLAIN = ("insert", "update", "remove", "batch", "look", "elsewhere", "send", "control")
DOOMING = ("swallow", "steal", "two_texts", "move_role", "move_claims")
ENDS = ("commit", "fault", "interrupt", "fail", "kill", "kill and go on")


class Fault(Exception):
    """Of the handler's own."""


class Undo(Exception):
    """Leaves a savepoint."""


@dataclass(frozen=True)
class Nested:
    """A savepoint: its steps, and whether it is undone."""

    steps: tuple[Step, ...]
    undo: bool


Step = str | Nested


class Stage:
    """What a transaction has done so far, in the model; nothing of it is kept before COMMIT."""

    def __init__(self, soak: Soak, tx: Transaction, who: Tenant, other: Tenant) -> None:
        self._soak, self._tx, self._who, self._other = soak, tx, who, other
        self.rows = dict(soak.rows[who.name])
        self.sent: Counter[int] = Counter()
        # It must not be committed: a statement has failed, or role and claims have moved.
        self.doomed = False

    def run(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if self.doomed:
                return
            if isinstance(step, Nested):
                self._nest(step)
            else:
                getattr(self, f"_{step}")()

    def end(self, end: str) -> None:
        if end == "fault":
            raise Fault
        if end == "interrupt":
            raise KeyboardInterrupt
        if end == "fail" and not self.doomed:
            self._tx.run(TOO_SMALL, {"org_id": self._who.org_id}, rows=1)
        if end.startswith("kill") and not self.doomed:
            self._soak.platform.terminate(self._tx.value(PID))
            if end == "kill and go on":
                self._tx.value("select 1")

    def _nest(self, block: Nested) -> None:
        rows, sent = dict(self.rows), self.sent.copy()
        with suppress(Undo), self._tx.savepoint():
            self.run(block.steps)
            if block.undo:
                raise Undo
        if block.undo:
            self.rows, self.sent, self.doomed = rows, sent, False

    def _insert(self) -> None:
        if len(self.rows) >= MOST_ROWS:
            return self._remove()
        number = self._soak.next_id()
        self._tx.run(INSERT, {"org_id": self._who.org_id, "id": number, "body": f"{number} {self._who.name}"}, rows=1)
        self.rows[number] = f"{number} {self._who.name}"
        return None

    def _update(self) -> None:
        for number in list(self.rows)[:1]:
            body = f"{self._soak.next_id()} {self._who.name}"
            self._tx.run(UPDATE, {"org_id": self._who.org_id, "id": number, "body": body}, rows=1)
            self.rows[number] = body

    def _remove(self) -> None:
        for number in list(self.rows)[:1]:
            self._tx.run(DELETE, {"org_id": self._who.org_id, "id": number}, rows=1)
            del self.rows[number]

    def _batch(self) -> None:
        numbers = [self._soak.next_id() for _ in range(3)]
        values: list[Any] = [{"org_id": self._who.org_id, "id": number, "body": "batch"} for number in numbers]
        assert self._tx.many(INSERT, values) == 3
        self._tx.many(DELETE, values[:2])
        self.rows[numbers[2]] = "batch"

    def _look(self) -> None:
        self._soak.check(self._who, self._tx.all(Item, ITEMS), self.rows)

    def _elsewhere(self) -> None:
        if self._other is not self._who:
            assert self._tx.all(Item, OF_ORG, {"org_id": self._other.org_id}) == []
            assert self._tx.run(STEAL, {"org_id": self._other.org_id}, rows=None) == 0

    def _send(self) -> None:
        number = self._soak.next_id()
        self._tx.send("soak", {"id": number}, key=self._who.name)
        self.sent[number] += 1

    def _control(self) -> None:
        """Refused before anything is sent: it fails nothing."""
        for text in CONTROLS:
            with pytest.raises(StatementError):
                self._tx.run(text, rows=None)
        with pytest.raises(StatementError):
            self._tx.many(INSERT, [{"org_id": self._who.org_id, "id": 1, "body": "x"}, {"org_id": object()}])

    def _swallow(self) -> None:
        with pytest.raises(Unprocessable):
            self._tx.run(TOO_SMALL, {"org_id": self._who.org_id}, rows=1)
        self._fail()

    def _steal(self) -> None:
        if self._other is not self._who:
            with pytest.raises(Forbidden):
                self._tx.run(INSERT, {"org_id": self._other.org_id, "id": -2, "body": "mine"}, rows=1)
            self._fail()

    def _two_texts(self) -> None:
        with pytest.raises(OrgError):
            self._tx.value(TWO_TEXTS)
        self._fail()

    def _move_role(self) -> None:
        self._tx.value("select soak.move('role', 'app_sys')")
        self.doomed = True

    def _move_claims(self) -> None:
        claims = f'{{"sub": "{self._other.user_id}"}}'
        self._tx.value("select soak.move('request.jwt.claims', %(claims)s)", {"claims": claims})
        self.doomed = True

    def _fail(self) -> None:
        self.doomed = True
        with pytest.raises(OrgError):
            self._tx.all(Item, ITEMS)


@contextmanager
def left_by(end: str, stage: Stage) -> Iterator[None]:
    """The block is left as its end says, and a transaction that must not be committed is not."""
    expected: type[BaseException] | tuple[type[BaseException], ...]
    if end in ("fault", "interrupt"):
        expected = Fault if end == "fault" else KeyboardInterrupt
    elif stage.doomed or end == "fail":
        expected = OrgError
    elif end == "kill and go on":
        expected = Unavailable
    elif end == "kill":
        # Where nothing was written there is nothing to lose, and COMMIT may answer well.
        with suppress(Unavailable, OrgError):
            yield
        return
    else:
        yield
        return
    with pytest.raises(expected):
        yield
