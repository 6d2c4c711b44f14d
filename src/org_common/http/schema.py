"""Validation and serialization by pydantic: beside the models themselves, its only home.

Imported when a route is first hit that has something to validate or a model to write.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from urllib.parse import parse_qsl, quote
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, core_schema, from_json

from org_common.errors import BadRequest, Fault

ParseBody = Callable[[bytes, list[Fault]], Any]
ParseText = Callable[[str, str, str, list[Fault]], Any]

# What pydantic takes beyond these ("{…}", "urn:uuid:…"; " 20 ", "2_0", "20.0", "+20"; "on", "0"; a number for a date)
# names no resource and counts nothing. 18 digits are what fits into PostgreSQL's bigint whatever they are.
_REFUSED: dict[Any, tuple[re.Pattern[str], str, str]] = {
    UUID: (re.compile(r"[0-9A-Fa-f-]{36}"), "Input should be a UUID of 36 characters", "uuid_parsing"),
    int: (re.compile(r"-?[0-9]{1,18}"), "Input should be a whole number", "int_parsing"),
    bool: (re.compile(r"true|false"), "Input should be true or false", "bool_parsing"),
    float: (
        re.compile(r"-?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?"),
        "Input should be a number",
        "float_parsing",
    ),
    Decimal: (re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?"), "Input should be a decimal number", "decimal_parsing"),
    date: (re.compile(r"[0-9]{4}-.*"), "Input should be a date, YYYY-MM-DD", "date_parsing"),
    datetime: (re.compile(r"[0-9]{4}-.*"), "Input should be a date and a time of RFC 3339", "datetime_parsing"),
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
# Sixteen digits in a row, an exponent of three: seldom, and looked at closely. Two patterns that each begin with one
# set of characters are found five times as fast as one of alternatives (measured), and most bodies have few digits.
_LONG = re.compile(rb"[0-9][0-9.]{15}")
_GREAT = re.compile(rb"[eE][+-]?[0-9]{3}")
# Left are the digits and the beginnings of NaN and Infinity.
_NOT_TELLING = bytes(set(range(256)) - set(b"0123456789NI"))
MAX_FORM_FIELDS = 1000

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
        telling = sent.translate(None, _NOT_TELLING)
        if telling and (len(telling) > 3 or not telling.isdigit()) and _is_suspicious(sent):
            _check_numbers(sent, faults)
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
                pointer = _pointer(each["loc"], document, missing=each["type"] == "missing")
                if pointer not in told:
                    faults.append(Fault("body", pointer, _DETAILS.get(each["type"], each["msg"]), each["type"]))
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
            is_list, refused = fields.get(name, (False, None))
            if refused is not None and refused[0].fullmatch(value) is None:
                faults.append(Fault("body", _to([name]), refused[1], refused[2]))
            if is_list:
                given.setdefault(name, []).append(value)
            elif name in given:
                faults.append(Fault("body", _to([name]), "This field is given more than once.", "repeated"))
            else:
                given[name] = value
        try:
            return validate(given, by_alias=True, by_name=False)
        except ValidationError as error:
            told = {fault.pointer for fault in faults[before:]}
            for each in error.errors(include_url=False, include_context=False, include_input=False):
                pointer = _pointer(each["loc"], given, missing=each["type"] == "missing")
                if pointer not in told:
                    faults.append(Fault("body", pointer, _DETAILS.get(each["type"], each["msg"]), each["type"]))
            return None

    return parse


def scalars(annotation: Any, constraints: Mapping[str, Any]) -> Callable[[list[str], str, str, list[Fault]], Any]:
    """Parses a parameter that may be given more than once. Constraints are the list's: `min_length`, `max_length`."""
    metadata: tuple[Any, ...] = ()
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(each for each in get_args(annotation) if each is not type(None))
    if get_origin(annotation) is Annotated:
        annotation, *rest = get_args(annotation)
        metadata = tuple(rest)
    parse = scalar(get_args(annotation)[0], {})
    if constraints:
        metadata = (*metadata, Field(**constraints))
    whole: Any = Annotated[(list[Any], *metadata)] if metadata else None
    validate = None if whole is None else TypeAdapter[Any](whole).validate_python

    def read(texts: list[str], where: str, name: str, faults: list[Fault]) -> Any:
        before = len(faults)
        values = [parse(text, where, f"{name}/{at}", faults) for at, text in enumerate(texts)]
        if validate is None or len(faults) > before:
            return values
        try:
            return validate(values)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            faults.extend(Fault(where, f"#/{name}", each["msg"], each["type"]) for each in found)
            return None

    return read


def scalar(annotation: Any, constraints: Mapping[str, Any]) -> ParseText:
    """Parses the text of a path, query, header or cookie parameter.

    A UUID is the 36 characters of RFC 9562, an integer is digits with or without a minus, a boolean "true" or "false",
    a date begins with its year; pydantic's other spellings ("{…}", "urn:uuid:…", "2_0", "on") are refused.
    """
    if annotation is str and not constraints:
        return lambda text, where, name, faults: text
    refused = _REFUSED.get(_base(annotation))
    bare = None if constraints else _BARE.get(annotation) if isinstance(annotation, type) else None
    if bare is not None and refused is not None:
        return _bare(bare, refused)
    field: Any = Annotated[annotation, Field(**constraints)] if constraints else annotation
    adapter: TypeAdapter[Any] = TypeAdapter(field, config=_CONFIG)
    validate: Callable[[str], Any] = adapter.validator.validate_strings  # type: ignore[assignment]  # stub: no plain str

    def parse(text: str, where: str, name: str, faults: list[Fault]) -> Any:
        if refused is not None:
            pattern, detail, code = refused
            if pattern.fullmatch(text) is None:
                faults.append(Fault(where, f"#/{name}", detail, code))
                return None
        try:
            return validate(text)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            faults.extend(Fault(where, f"#/{name}", each["msg"], each["type"]) for each in found)
            return None

    return parse


def _bare(convert: Callable[[str], Any], refused: tuple[re.Pattern[str], str, str]) -> ParseText:
    """The types of nearly all parameters: one call, which looks at the text as well."""
    _, detail, code = refused

    def parse(text: str, where: str, name: str, faults: list[Fault]) -> Any:
        try:
            return convert(text)
        except (ValidationError, KeyError):
            faults.append(Fault(where, f"#/{name}", detail, code))
            return None

    return parse


def model_writer(model: type[BaseModel]) -> Callable[[Any], bytes]:
    """Writes a model as JSON, by its camelCase names."""
    _built(model)
    to_json = model.__pydantic_serializer__.to_json

    def write(value: Any) -> bytes:
        if not isinstance(value, model):
            # It would be written with all that it holds. An error, before anything is committed.
            raise TypeError(f"a handler that declares {model.__name__} answered a {type(value).__name__}")
        return to_json(value, by_alias=True, warnings="error")

    return write


def list_writer(model: type[BaseModel]) -> Callable[[Any], bytes]:
    """Writes models as a JSON array."""
    write = model_writer(model)
    return lambda values: b"[" + b",".join([write(value) for value in values]) + b"]"


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


def _form_field(annotation: Any) -> tuple[bool, tuple[re.Pattern[str], str, str] | None]:
    """Whether a field takes several values, and what its texts must look like."""
    base = _base(annotation)
    is_list = get_origin(base) is list
    kind = _base(get_args(base)[0]) if is_list else base
    return is_list, _REFUSED.get(kind) if isinstance(kind, type) else None


def _is_suspicious(sent: bytes) -> bool:
    if b"NaN" in sent or b"Infinity" in sent:
        return True
    return _LONG.search(sent) is not None or _GREAT.search(sent) is not None


def _check_numbers(sent: bytes, faults: list[Fault]) -> None:
    """Refuse what JSON (RFC 8259, section 6) does not have, and tell the numbers that would not survive.

    A double keeps 17 digits and an integer of PostgreSQL or of orjson 64 bits: what has more would be stored as another
    number. As a text it comes through, to a `Decimal`.
    """

    def refuse(name: str) -> None:
        raise BadRequest(f"The body is not valid JSON: {name} is no JSON value.", code="invalid_json")

    with suppress(ValueError, RecursionError):  # malformed in another way: pydantic says where
        document = json.loads(sent, parse_constant=refuse, parse_float=_Float, parse_int=_Int)
        _tell_numbers(document, [], faults)


class _Float(str):
    __slots__ = ()

    def survives(self) -> bool:
        return math.isfinite(float(self)) and Decimal(self) == Decimal(repr(float(self)))


class _Int(str):
    __slots__ = ()

    def survives(self) -> bool:
        return len(self) < 21 and -(2**63) <= int(self) < 2**63


def _tell_numbers(value: Any, path: list[int | str], faults: list[Fault]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _tell_numbers(inner, [*path, name], faults)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            _tell_numbers(inner, [*path, at], faults)
    elif isinstance(value, (_Float, _Int)) and not value.survives():
        faults.append(
            Fault(
                "body", _to(path), "This number is larger or more exact than can be kept: send a text", "number_range"
            )
        )


def _pointer(location: tuple[int | str, ...], document: Any, *, missing: bool) -> str:
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
    return _to(parts)


def _to(path: Sequence[int | str]) -> str:
    parts = [quote(str(part).replace("~", "~0").replace("/", "~1"), errors="replace") for part in path]
    return "#/" + "/".join(parts) if parts else "#"
