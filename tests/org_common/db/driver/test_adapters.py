"""The adapters that are registered on demand are psycopg's own."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from uuid import uuid4

import psycopg
import pytest
from psycopg import postgres, pq
from psycopg.adapt import AdaptersMap, PyFormat, Transformer
from psycopg.types import TypeInfo

from org_common.db.driver.adapters import LazyAdapters, default_adapters

FORMATS = (pq.Format.TEXT, pq.Format.BINARY)
TYPES = tuple(postgres.types)
OIDS = sorted({oid for info in TYPES for oid in (info.oid, info.array_oid)})


class Context:
    connection = None

    def __init__(self, adapters: AdaptersMap) -> None:
        self.adapters = adapters


@pytest.mark.parametrize("info", TYPES, ids=lambda info: info.name)
def test_type_has_the_loaders_of_psycopg(info: TypeInfo) -> None:
    for oid, format in product((info.oid, info.array_oid), FORMATS):
        assert LazyAdapters().get_loader(oid, format) is psycopg.adapters.get_loader(oid, format), (oid, format)


@pytest.mark.parametrize("info", TYPES, ids=lambda info: info.name)
def test_type_has_the_dumpers_of_psycopg(info: TypeInfo) -> None:
    for oid, format in product((info.oid, info.array_oid), FORMATS):
        try:
            known = psycopg.adapters.get_dumper_by_oid(oid, format)
        except psycopg.ProgrammingError as error:
            with pytest.raises(psycopg.ProgrammingError, match=re.escape(str(error))):
                LazyAdapters().get_dumper_by_oid(oid, format)
        else:
            assert LazyAdapters().get_dumper_by_oid(oid, format) is known


@pytest.mark.parametrize("format", PyFormat)
def test_class_has_the_dumper_of_psycopg(format: PyFormat) -> None:
    for kind in [kind for kind in psycopg.adapters._dumpers[format] if isinstance(kind, type)]:
        assert LazyAdapters().get_dumper(kind, format) is psycopg.adapters.get_dumper(kind, format), kind


@pytest.mark.parametrize("oid", [1009, 1015, 2951, 1007, 1016, 1000, 1185, 3807, 1231])
def test_array_registers_no_more_than_itself(oid: int) -> None:
    adapters = LazyAdapters()

    assert adapters.get_loader(oid, pq.Format.TEXT) is psycopg.adapters.get_loader(oid, pq.Format.TEXT)
    assert not adapters.is_complete


@pytest.mark.parametrize("oid", [16384, 90000, 2249 - 1])
def test_unknown_type_has_no_loader_and_registers_nothing(oid: int) -> None:
    adapters = LazyAdapters()

    assert adapters.get_loader(oid, pq.Format.TEXT) is None
    assert not adapters.is_complete


def test_unknown_class_is_refused_as_by_psycopg() -> None:
    with pytest.raises(psycopg.ProgrammingError, match="cannot adapt type 'object'"):
        LazyAdapters().get_dumper(object, PyFormat.AUTO)


@pytest.mark.parametrize(
    "values",
    [["a"], [1.5], [uuid4()], [True], [datetime.now(UTC)], [date(2026, 11, 30)], [[Decimal(1)], [None]], [b"x"], []],
)
def test_list_is_sent_as_by_psycopg(values: list[object]) -> None:
    lazy, complete = (Transformer(Context(adapters)) for adapters in (LazyAdapters(), psycopg.adapters))

    assert lazy.dump_sequence([values], [PyFormat.AUTO]) == complete.dump_sequence([values], [PyFormat.AUTO])
    assert lazy.types == complete.types


def test_adapters_of_a_complete_package_include_what_was_registered() -> None:
    assert type(default_adapters()) is type(psycopg.adapters)
