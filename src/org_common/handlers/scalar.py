"""The text of one parameter of a path, a query, a header or a cookie, converted by pydantic."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin
from uuid import UUID

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, core_schema

from org_common.values.errors import MISFIT, Fault

OUT_OF_RANGE = "This value is out of range"


class Spelling(NamedTuple):
    """What the text of a type must look like."""

    pattern: re.Pattern[str]
    detail: str
    code: str


class Misspelt(ValueError):
    """A text that pydantic would take, and that is written in another way than is asked for."""

    def __init__(self, spelling: Spelling) -> None:
        super().__init__(spelling.detail)
        self.spelling = spelling


# What pydantic takes beyond these ("{…}", "urn:uuid:…"; " 20 ", "2_0", "20.0", "+20"; "on", "0"; a number for a date)
# names no resource and counts nothing. 18 digits are what fits into PostgreSQL's bigint whatever they are.
SPELLINGS: dict[Any, Spelling] = {
    UUID: Spelling(re.compile(r"[0-9A-Fa-f-]{36}"), "Input should be a UUID of 36 characters", "uuid_parsing"),
    int: Spelling(re.compile(r"-?[0-9]{1,18}"), "Input should be a whole number", "int_parsing"),
    bool: Spelling(re.compile(r"true|false"), "Input should be true or false", "bool_parsing"),
    float: Spelling(
        re.compile(r"-?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?"),
        "Input should be a number",
        "float_parsing",
    ),
    Decimal: Spelling(
        re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?"), "Input should be a decimal number", "decimal_parsing"
    ),
    date: Spelling(re.compile(r"[0-9]{4}-.*"), "Input should be a date, YYYY-MM-DD", "date_parsing"),
    datetime: Spelling(re.compile(r"[0-9]{4}-.*"), "Input should be a date and a time of RFC 3339", "datetime_parsing"),
}

_ANY = re.compile("")
_CONFIG = ConfigDict(allow_inf_nan=False)
# Bare core validators: 0.006 ms to make instead of 0.5, and 5 times as fast as UUID(text) (measured).
_BARE: dict[type, Callable[[str], Any]] = {
    UUID: SchemaValidator(
        core_schema.chain_schema([core_schema.str_schema(min_length=36, max_length=36), core_schema.uuid_schema()])
    ).validate_python,
    int: SchemaValidator(
        core_schema.chain_schema([core_schema.str_schema(pattern="^-?[0-9]{1,18}$"), core_schema.int_schema()])
    ).validate_python,
    bool: {"true": True, "false": False}.__getitem__,
}


class Scalar:
    """Reads the text of a path, query, header or cookie parameter.

    `convert` raises one of `MISFIT`. Most requests call it, so it is the validator itself and no method.
    """

    __slots__ = ("_spelling", "convert")

    def __init__(self, convert: Callable[[str], Any], spelling: Spelling | None = None) -> None:
        """`spelling` is what every error of `convert` is about, None when it says so itself."""
        self.convert = convert
        self._spelling = spelling

    def faults(self, error: Exception, where: str, name: str) -> list[Fault]:
        """What to tell of an error of `convert`."""
        spelling = error.spelling if isinstance(error, Misspelt) else self._spelling
        if spelling is None:
            return _faults(error, where, name)
        return [Fault(where, f"#/{name}", spelling.detail, spelling.code)]


class Scalars:
    """Reads a parameter that may be given more than once. Constraints are the list's: `min_length`, `max_length`."""

    __slots__ = ("_scalar", "_validate")

    def __init__(self, annotation: Any, constraints: Mapping[str, Any]) -> None:
        metadata: tuple[Any, ...] = ()
        if get_origin(annotation) in (Union, UnionType):
            annotation = next(each for each in get_args(annotation) if each is not type(None))
        if get_origin(annotation) is Annotated:
            annotation, *rest = get_args(annotation)
            metadata = tuple(rest)
        if constraints:
            metadata = (*metadata, Field(**constraints))
        self._scalar = scalar(get_args(annotation)[0], {})
        whole: Any = Annotated[(list[Any], *metadata)] if metadata else None
        self._validate = None if whole is None else TypeAdapter[Any](whole).validate_python

    def read(self, texts: list[str], where: str, name: str, faults: list[Fault]) -> Any:
        values: list[Any] = []
        before = len(faults)
        for at, text in enumerate(texts):
            try:
                values.append(self._scalar.convert(text))
            except MISFIT as error:
                faults += self._scalar.faults(error, where, f"{name}/{at}")
        if self._validate is None or len(faults) > before:
            return values
        try:
            return self._validate(values)
        except ValidationError as error:
            faults += _faults(error, where, name)
            return None


def scalar(annotation: Any, constraints: Mapping[str, Any]) -> Scalar:
    """How the text of a path, query, header or cookie parameter is read.

    A UUID is the 36 characters of RFC 9562, an integer is digits with or without a minus, a boolean "true" or "false",
    a date begins with its year; pydantic's other spellings ("{…}", "urn:uuid:…", "2_0", "on") are refused.
    """
    if annotation is str and not constraints:
        return Scalar(_as_it_is)
    kind = base(annotation)
    if isinstance(kind, type) and issubclass(kind, Enum) and not constraints:
        return _member(kind)
    spelling = SPELLINGS.get(kind)
    bare = None if constraints else _BARE.get(annotation) if isinstance(annotation, type) else None
    if bare is not None:
        return Scalar(bare, spelling)
    field: Any = Annotated[annotation, Field(**constraints)] if constraints else annotation
    adapter: TypeAdapter[Any] = TypeAdapter(field, config=_CONFIG)
    validate: Callable[[str], Any] = adapter.validator.validate_strings  # type: ignore[assignment]  # stub: no plain str
    if spelling is None:
        return Scalar(validate)

    def convert(text: str) -> Any:
        if spelling.pattern.fullmatch(text) is None:
            raise Misspelt(spelling)
        return validate(text)

    return Scalar(convert)


def _member(kind: type[Enum]) -> Scalar:
    """By the text of its value, which need not be a text: pydantic would take none for the number 1."""
    members = {str(member.value): member for member in kind}
    detail = f"Input should be one of {', '.join(members)}"
    return Scalar(members.__getitem__, Spelling(_ANY, detail, "enum"))


def _as_it_is(text: str) -> str:
    return text


def _faults(error: Exception, where: str, name: str) -> list[Fault]:
    """What was wrong with one parameter, without its value."""
    if not isinstance(error, ValidationError):
        return [Fault(where, f"#/{name}", OUT_OF_RANGE, "out_of_range")]
    return [Fault(where, f"#/{name}", each["msg"], each["type"]) for each in found(error)]


def found(error: ValidationError) -> list[Any]:
    return error.errors(include_url=False, include_context=False, include_input=False)


def base(annotation: Any) -> Any:
    """What is left of `Annotated[X, ...]` and of `X | None`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return base(arguments[0])
    if origin in (Union, UnionType):
        kinds = [each for each in arguments if each is not type(None)]
        return base(kinds[0]) if len(kinds) == 1 else annotation
    return annotation
