"""From a result to models."""

from __future__ import annotations

import datetime
import types
import uuid
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import repeat
from operator import is_not, or_
from typing import Any, TypeVar, Union, get_args, get_origin

from psycopg import DataError
from psycopg.adapt import Transformer
from psycopg.pq.abc import PGresult

from org_common.db.protocol.statement import CONTEXT, StatementError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from org_common.values.model import Model

M = TypeVar("M", bound="Model")
Make = Callable[[Sequence[Any]], Any]

# Fields of these types take the values of these columns exactly as psycopg makes them (by PostgreSQL's type numbers).
# A field of any other type or column, or with a constraint, is validated in each row; so are float and Decimal, which
# PostgreSQL fills with NaN and infinity too.
_EXACT: dict[Any, frozenset[int]] = {
    bool: frozenset({16}),
    bytes: frozenset({17}),
    datetime.date: frozenset({1082}),
    datetime.datetime: frozenset({1114, 1184}),
    int: frozenset({20, 21, 23}),
    str: frozenset({19, 25, 1042, 1043}),
    uuid.UUID: frozenset({2950}),
}


def load(model: type[M], result: PGresult, *, extra: int = 0) -> list[M]:
    """Each row as a model; `StatementError` when columns and fields do not go together, or a value does not fit.

    The columns are named like the fields, in any order. The last `extra` columns are left out.
    """
    transformer = Transformer(CONTEXT)
    transformer.set_pgresult(result)
    try:
        return transformer.load_rows(0, result.ntuples, _maker(model, _columns(result, extra)))
    except DataError as error:
        raise StatementError(f"a value of {model.__name__} has no Python form: {error}") from None


def scalar(result: PGresult) -> Any:
    """The first column of the only row, None without a row; `StatementError` for more than that."""
    if result.nfields != 1 or result.ntuples > 1:
        raise StatementError(f"value() takes one column of at most one row, not {result.nfields} of {result.ntuples}")
    if result.ntuples == 0:
        return None
    transformer = Transformer(CONTEXT)
    transformer.set_pgresult(result)
    return transformer.load_row(0, tuple)[0]


Columns = tuple[tuple[bytes | None, int], ...]


def _columns(result: PGresult, extra: int) -> Columns:
    """Name and type of each but the last `extra`."""
    return tuple([(result.fname(at), result.ftype(at)) for at in range(result.nfields - extra)])


@lru_cache(maxsize=1024)
def _maker(model: type[Model], columns: Columns) -> Make:
    names = [(name or b"").decode() for name, _ in columns]
    fields = model.__pydantic_fields__
    unknown = [name for name in names if name not in fields]
    missing = [name for name, field in fields.items() if field.is_required() and name not in names]
    if unknown or missing or len(set(names)) < len(names):
        raise StatementError(
            f"the columns do not fit {model.__name__}: "
            f"unknown {unknown or 'none'}, missing {missing or 'none'}, got {names}"
        )
    validated = _validating(model, names)
    # JSON has its keys in the model's order, whatever that of the SELECT.
    if names != list(fields) or not is_simple(model):
        return validated
    kinds = [_kind(fields[name]) for name in names]
    if all(oid in _EXACT.get(kind, ()) for (kind, _), (_, oid) in zip(kinds, columns, strict=True)):
        return _building(model, names, [nullable for _, nullable in kinds], validated)
    return validated


def _validating(model: type[Model], names: list[str]) -> Make:
    def validated(values: Sequence[Any]) -> Any:
        try:
            # Not strict: behind the model's columns come those that are left out.
            return model.__from_row__(dict(zip(names, values, strict=False)))
        except ValueError as error:
            raise StatementError(f"a row does not fit {model.__name__}: {error}") from None

    return validated


def _building(model: type[Model], names: list[str], nullable: list[bool], validated: Make) -> Make:
    """Builds models past validation: 164 instead of 233 us for 50 rows as a whole (2026-11).

    It relies on how pydantic lays out an instance; tests/org_common/db/test_rows.py compares the two ways.
    """
    fields_set = frozenset(names)
    new, put = model.__new__, object.__setattr__

    def built(values: Sequence[Any]) -> Any:
        if None in values and not all(map(or_, nullable, map(is_not, values, repeat(None)))):
            return validated(values)
        made = new(model)
        put(made, "__dict__", dict(zip(names, values, strict=False)))
        put(made, "__pydantic_fields_set__", set(fields_set))
        put(made, "__pydantic_extra__", None)
        put(made, "__pydantic_private__", None)
        return made

    return built


def is_simple(model: type[Model]) -> bool:
    """It does nothing to its values but hold them."""
    from org_common.values.model import Model  # whoever has one has loaded it

    return model.model_config == Model.model_config and not (
        model.__pydantic_decorators__.field_validators
        or model.__pydantic_decorators__.validators
        or model.__pydantic_decorators__.root_validators
        or model.__pydantic_decorators__.model_validators
        or model.__private_attributes__
        or model.__pydantic_post_init__
        or model.__pydantic_custom_init__
    )


def _kind(field: FieldInfo) -> tuple[Any, bool]:
    """The field's type without None, and whether None was allowed. A constrained one has no type here."""
    if field.metadata:
        return None, False
    annotation = field.annotation
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [part for part in get_args(annotation) if part is not type(None)]
        return (kinds[0] if len(kinds) == 1 else None), len(kinds) < len(get_args(annotation))
    return annotation, False
