"""Rows as models: the fast way makes the same as validation, in each row, and refuses the same."""

import copy
import datetime
import pickle
import traceback
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal, LiteralString

import pytest
from pydantic import ConfigDict, Field, PrivateAttr, StringConstraints, field_validator, model_validator

from org_common.auth.rules import SIGNED_IN
from org_common.db.database import Database
from org_common.db.protocol.statement import StatementError
from org_common.db.reader import Reader
from org_common.values.model import Model
from org_common.values.types import Deadline
from tests.support.handles import OwnedReader, open_reader
from tests.support.lab import ALICE

pytestmark = pytest.mark.db


@pytest.fixture
def reader(db: Database) -> OwnedReader:
    return open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10))


class Kinds(Model):
    """A field of each type that comes from psycopg as it is."""

    a_bool: bool
    an_int: int
    a_float: float
    a_numeric: Decimal
    a_text: str
    some_bytes: bytes
    a_uuid: uuid.UUID
    a_date: datetime.date
    a_time: datetime.time
    a_moment: datetime.datetime
    a_while: datetime.timedelta
    an_object: dict[str, Any]
    a_list: list[int]
    any_json: Any
    maybe: str | None
    one_of: Literal["a", "b"]
    short: Annotated[str, "a note"]


KINDS = """
    select mod(n, 2) = 0 as a_bool, n as an_int, n / 4.0::float8 as a_float, n + 0.10 as a_numeric,
           'ü' || n as a_text, '\\x6162'::bytea as some_bytes,
           '00000000-0000-0000-0000-000000000001'::uuid as a_uuid, date '2026-01-01' + n as a_date,
           time '01:02:03.4' as a_time, timestamptz '2026-01-02 03:04:05.678+02' as a_moment,
           interval '1 day 2 hours' * n as a_while, jsonb_build_object('aKey', n) as an_object,
           array[n, n + 1] as a_list, '[1, "x", null]'::jsonb as any_json,
           case when mod(n, 2) = 0 then 'x' end as maybe, 'a' as one_of, 's' as short
    from generate_series(1, 4) n order by n"""


def test_the_fast_way_makes_what_validation_makes(reader: Reader) -> None:
    rows = reader.all(Kinds, KINDS)

    assert len(rows) == 4
    for row in rows:
        checked = Kinds.model_validate(dict(row), by_name=True)
        assert row == checked
        assert repr(row) == repr(checked)
        assert [type(value) for _, value in row] == [type(value) for _, value in checked]
        assert row.model_dump_json(by_alias=True) == checked.model_dump_json(by_alias=True)
        assert row.model_fields_set == checked.model_fields_set == set(Kinds.model_fields)
        assert pickle.loads(pickle.dumps(row)) == checked
        assert copy.deepcopy(row) == copy.copy(row) == row.model_copy() == checked


def test_rows_share_nothing(reader: Reader) -> None:
    *_, third, fourth = reader.all(Kinds, KINDS)
    third.an_object["aKey"] = "changed"
    third.a_list.append(0)
    third.model_fields_set.clear()

    assert fourth.an_object == {"aKey": 4}
    assert fourth.a_list == [4, 5]
    assert fourth.model_fields_set == set(Kinds.model_fields)


def test_the_second_query_is_as_the_first(reader: Reader) -> None:
    assert reader.all(Kinds, KINDS) == reader.all(Kinds, KINDS)


class Total(Model):
    total: int


class MaybeTotal(Model):
    total: int | None


class Share(Model):
    share: float


class Day(Model):
    day: datetime.date


class Ids(Model):
    ids: list[uuid.UUID]


class When(Model):
    when: datetime.datetime


WIDER: list[tuple[type[Model], LiteralString]] = [
    (Total, "select sum(n) as total from generate_series(1::bigint, 6) n group by mod(n, 3)"),
    (MaybeTotal, "select case when n > 1 then n::numeric end as total from generate_series(1, 3) n order by n"),
    (Share, "select n::numeric as share from generate_series(1, 3) n"),
    (Share, "select n as share from generate_series(1, 3) n"),
    (Day, "select (date '2026-01-01' + n)::timestamp as day from generate_series(1, 3) n"),
    (Ids, "select jsonb_build_array(gen_random_uuid()) as ids from generate_series(1, 3)"),
    (When, "select to_jsonb(timestamptz '2026-01-01 00:00:00+00') as when from generate_series(1, 3)"),
]


@pytest.mark.parametrize(("model", "query"), WIDER)
def test_every_row_has_the_fields_own_types(reader: Reader, model: type[Model], query: LiteralString) -> None:
    """Whatever the column's type: a sum of bigint is numeric, what was in jsonb is text."""
    for _ in range(2):
        for row in reader.all(model, query):
            assert row == model.model_validate(dict(row), by_name=True)
            for _, value in row:
                assert not isinstance(value, Decimal | str)
                assert not (isinstance(value, list) and isinstance(value[0], str))
            assert row.model_dump_json() == model.model_validate(dict(row), by_name=True).model_dump_json()


class Shouted(Model):
    word: str

    @field_validator("word")
    @classmethod
    def _shout(cls, word: str) -> str:
        return word.upper()


class Checked(Model):
    word: str

    @model_validator(mode="after")
    def _exclaim(self) -> "Checked":
        self.word += "!"
        return self


class Trimmed(Model):
    word: Annotated[str, StringConstraints(strip_whitespace=True)]


class Limited(Model):
    word: str = Field(max_length=3)


class Choice(Model):
    word: Literal["one", "two"]


class Stripped(Model):
    model_config = ConfigDict(str_strip_whitespace=True)
    word: str


class MaybeLimited(Model):
    word: Annotated[str, Field(max_length=3)] | None


class Noted(Model):
    word: str
    _seen: list[str] = PrivateAttr(default_factory=list)

    def see(self) -> list[str]:
        self._seen.append(self.word)
        return self._seen


WORDS = "select word from (values (1, ' one '), (2, ' two '), (3, ' three ')) w (n, word) order by n"
FINE = "select word from (values (1, 'one'), (2, 'two'), (3, 'four')) w (n, word) order by n"


def test_what_a_field_does_to_its_value_it_does_in_each_row(reader: Reader) -> None:
    for _ in range(2):
        assert [row.word for row in reader.all(Shouted, FINE)] == ["ONE", "TWO", "FOUR"]
        assert [row.word for row in reader.all(Checked, FINE)] == ["one!", "two!", "four!"]
        assert [row.word for row in reader.all(Trimmed, WORDS)] == ["one", "two", "three"]
        assert [row.word for row in reader.all(Stripped, WORDS)] == ["one", "two", "three"]


@pytest.mark.parametrize("model", [Limited, MaybeLimited, Choice])
def test_what_a_field_refuses_it_refuses_in_each_row(reader: Reader, model: type[Model]) -> None:
    for _ in range(2):
        with pytest.raises(StatementError, match="a row does not fit .*: word"):
            reader.all(model, FINE)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_of_json_is_refused(reader: Reader, number: str) -> None:
    with pytest.raises(StatementError, match="share"):
        reader.all(Share, "select %(number)s::float8 as share", {"number": number})


def test_what_does_not_fit_is_told_without_its_value(reader: Reader) -> None:
    with pytest.raises(StatementError) as raised:
        reader.all(Choice, "select 'swordfish' as word")

    causes = "".join(traceback.format_exception(raised.value)).splitlines()
    assert not [line for line in causes if "swordfish" in line and "reader.all(" not in line]


def test_private_attributes_are_there_in_each_row(reader: Reader) -> None:
    for _ in range(2):
        assert [row.see() for row in reader.all(Noted, FINE)] == [["one"], ["two"], ["four"]]
