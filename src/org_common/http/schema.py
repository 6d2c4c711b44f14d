"""Validation and serialization by pydantic: beside the models themselves, its only home.

Imported when a route is first hit that has something to validate or a model to write.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin
from urllib.parse import parse_qsl
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic_core import SchemaValidator, core_schema, from_json

from org_common.errors import BadRequest, Fault
from org_common.http import numbers
from org_common.http.pointer import pointer

ParseBody = Callable[[bytes, list[Fault]], Any]


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
_SPELLINGS: dict[Any, Spelling] = {
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
MAX_FORM_FIELDS = 1000

# A value that is not what its model declares is an error and is not written. pydantic is told so by a text, which it
# reads anew with each answer for 0.9 us (measured); as a flag it is a warning, which this filter makes an error of, for
# what is written here and nowhere else. Where others have put a filter in front, the text is taken.
warnings.filterwarnings("error", category=UserWarning, module=f"{re.escape(__name__)}$")
REFUSE_MISFITS = warnings.filters[0]

# pydantic's words for these repeat the value.
_DETAILS = {
    "union_tag_invalid": "Input is of no known kind",
    "uuid_parsing": "Input should be a valid UUID",
}


def body(model: type[BaseModel]) -> ParseBody:
    """Parses JSON as the model, by its camelCase names only. `BadRequest` for what is not JSON at all."""
    _built(model)
    validate = model.__pydantic_validator__.validate_json

    def parse(sent: bytes, faults: list[Fault]) -> Any:
        if numbers.are_suspicious(sent):
            faults += numbers.lost(sent)
        try:
            # Strict: a JSON text has numbers and booleans, so "20" is no number and 1 is not true.
            return validate(sent, strict=True, by_alias=True, by_name=False)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            if found[0]["type"] == "json_invalid":
                reason = found[0]["msg"].removeprefix("Invalid JSON: ")
                # The cause would put the caller's body into our log.
                raise BadRequest(f"The body is not valid JSON: {reason}.", code="invalid_json") from None
            document = from_json(sent)
            told = {fault.pointer for fault in faults if fault.where == "body"}
            for each in found:
                where = _place(each["loc"], document, missing=each["type"] == "missing")
                if where not in told:
                    faults.append(Fault("body", where, _DETAILS.get(each["type"], each["msg"]), each["type"]))
            return None

    return parse


def form(model: type[BaseModel]) -> Callable[[str, list[Fault]], Any]:
    """Parses a form as the model, by its camelCase names only. What a field's text may be is as in a query string."""
    _built(model)
    validate = model.__pydantic_validator__.validate_python
    fields = {field.alias or name: _form_field(field.annotation) for name, field in model.model_fields.items()}

    def parse(sent: str, faults: list[Fault]) -> Any:
        given: dict[str, Any] = {}
        before = len(faults)
        for name, value in parse_qsl(sent, keep_blank_values=True, errors="replace", max_num_fields=MAX_FORM_FIELDS):
            is_list, spelling = fields.get(name, (False, None))
            if spelling is not None and spelling.pattern.fullmatch(value) is None:
                faults.append(Fault("body", pointer([name]), spelling.detail, spelling.code))
            if is_list:
                given.setdefault(name, []).append(value)
            elif name in given:
                faults.append(Fault("body", pointer([name]), "This field is given more than once.", "repeated"))
            else:
                given[name] = value
        try:
            return validate(given, by_alias=True, by_name=False)
        except ValidationError as error:
            told = {fault.pointer for fault in faults[before:]}
            for each in error.errors(include_url=False, include_context=False, include_input=False):
                where = _place(each["loc"], given, missing=each["type"] == "missing")
                if where not in told:
                    faults.append(Fault("body", where, _DETAILS.get(each["type"], each["msg"]), each["type"]))
            return None

    return parse


class Scalar:
    """Reads the text of a path, query, header or cookie parameter.

    `convert` raises `ValueError` or `KeyError`. Most requests call it, so it is the validator itself and no method.
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
            except (ValueError, KeyError) as error:
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
    spelling = _SPELLINGS.get(_base(annotation))
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


def _as_it_is(text: str) -> str:
    return text


def _faults(error: Exception, where: str, name: str) -> list[Fault]:
    """What pydantic found wrong with one parameter, without its value."""
    if not isinstance(error, ValidationError):
        raise error
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [Fault(where, f"#/{name}", each["msg"], each["type"]) for each in found]


def model_writer(model: type[BaseModel]) -> Callable[[Any], bytes]:
    """Writes a model as JSON, by its camelCase names."""
    _built(model)
    to_json = model.__pydantic_serializer__.to_json

    def write(value: Any) -> bytes:
        if not isinstance(value, model):
            # It would be written with all that it holds. An error, before anything is committed.
            raise TypeError(f"a handler that declares {model.__name__} answered a {type(value).__name__}")
        filters = warnings.filters
        return to_json(value, by_alias=True, warnings=True if filters and filters[0] is REFUSE_MISFITS else "error")

    return write


def list_writer(model: type[BaseModel]) -> Callable[[Any], bytes]:
    """Writes models as a JSON array."""
    write = model_writer(model)
    return lambda values: b"[" + b",".join([write(value) for value in values]) + b"]"


def writer(kinds: Sequence[Any]) -> Callable[[Any], bytes]:
    """Writes what holds models, or is of one kind or another, each model by its camelCase names."""
    # Of a union's members alone pydantic asks whether they fit: a list of another model's would be written as [{}].
    union: Any = reduce(or_, kinds, create_model("Nothing"))
    to_json = TypeAdapter[Any](union).dump_json
    return lambda value: to_json(value, by_alias=True, warnings="error")


def _built(model: type[BaseModel]) -> None:
    # Until it is built, a model's validator is a stand-in that stays one for whoever holds it (measured: 2.8 / 1.6 us a
    # call); so: build first, then take hold.
    model.model_rebuild()


def _base(annotation: Any) -> Any:
    """What is left of `Annotated[X, ...]` and of `X | None`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _base(arguments[0])
    if origin in (Union, UnionType):
        kinds = [each for each in arguments if each is not type(None)]
        return _base(kinds[0]) if len(kinds) == 1 else annotation
    return annotation


def _form_field(annotation: Any) -> tuple[bool, Spelling | None]:
    """Whether a field takes several values, and what its texts must look like."""
    base = _base(annotation)
    is_list = get_origin(base) is list
    kind = _base(get_args(base)[0]) if is_list else base
    return is_list, _SPELLINGS.get(kind) if isinstance(kind, type) else None


def _place(location: tuple[int | str, ...], document: Any, *, missing: bool) -> str:
    """The JSON pointer (RFC 6901) to what is there, and to what should be.

    pydantic names the kinds that it tried too.
    """
    parts: list[str] = []
    for at, part in enumerate(location):
        if isinstance(document, dict) and part in document:  # noqa: SIM114 - each branch is typed by its own condition
            document = document[part]
        elif isinstance(document, list) and isinstance(part, int) and part < len(document):
            document = document[part]
        elif not (missing and at == len(location) - 1):
            continue
        parts.append(str(part))
    return pointer(parts)
