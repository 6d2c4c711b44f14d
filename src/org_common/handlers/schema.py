"""Validation of bodies and serialization of results by pydantic. Only this, `scalar` and the models import it.

Imported at the first request of a route that has a body to validate or a model to write.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, get_args, get_origin
from urllib.parse import parse_qsl

from pydantic import BaseModel, TypeAdapter, ValidationError, create_model
from pydantic_core import SchemaValidator, from_json

from org_common.handlers import numbers
from org_common.handlers.enums import with_json_values
from org_common.handlers.misuse import is_with_status, mismatch
from org_common.handlers.pointer import pointer
from org_common.handlers.repeated_keys import has_repeated_key
from org_common.handlers.scalar import FORMATS, OUT_OF_RANGE, StringFormat, error_details, unwrap
from org_common.values.errors import MAX_FAULTS, BadRequest, Fault

TYPE_CHECKING = False

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

ParseBody = Callable[[bytes, list[Fault]], Any]

MAX_FORM_FIELDS = 1000
# Of a smaller body all faults are reported at once.
ALL_FAULTS_BYTES = 8 * 1024
# PostgreSQL and orjson hold 64-bit integers, of which one bit is the sign.
INTEGER_BITS = 63
_COLLECTIONS = frozenset({"list", "tuple", "set", "frozenset", "dict"})
# Core schemas around another one that accept no other values, except None and a default.
_WRAPPERS = frozenset({"nullable", "default"})
# Core schemas that, read strictly from JSON, accept strings or booleans only.
_WITHOUT_NUMBERS = frozenset({"str", "bool", "uuid"})
# Keys of a core schema whose values are data, even if they look like a schema.
_DATA_KEYS = frozenset({"default", "metadata"})

# A value that does not match its model's declaration must raise and not be written. `warnings="error"` does that, but
# pydantic parses the string at each call for 0.9 us (measured). `warnings=True` avoids this but only warns: this filter
# turns the warning into an error, for calls from this module. If another filter has been put in front, we pass the
# string.
warnings.filterwarnings("error", "Pydantic serializer warnings", UserWarning, f"{re.escape(__name__)}$")
MISMATCH_IS_ERROR = warnings.filters[0]

# pydantic's messages for these repeat the value.
_DETAILS = {
    "union_tag_invalid": "Input tag does not match any of the expected tags",
    "uuid_parsing": "Input should be a valid UUID",
}


def body_parser(model: type[BaseModel]) -> ParseBody:
    """A function that parses JSON as the model, by its camelCase names only.

    It raises `BadRequest` for invalid JSON.
    """
    _build(model)
    schema = with_json_values(model.__pydantic_core_schema__)
    validate_all = _validator(model, schema).validate_json
    # Reporting a million errors of one body took 1.2 GB and 20 s: of a large body only the first bad item is reported.
    validate = validate_all
    if _has_collection(schema):
        validate = _fail_fast_validator(schema).validate_json

    is_plain = _is_plain(schema)
    integers = _integer_fields(schema) if is_plain else None

    def parse(body: bytes, faults: list[Fault]) -> Any:
        if integers is None:
            faults += numbers.find_inexact_numbers(body)
        try:
            # Strict, since JSON has numbers and booleans: "20" is not a number and 1 is not true.
            value = validate(body, strict=True, by_alias=True, by_name=False)
        except (ValidationError, OverflowError) as error:
            if integers is not None:
                faults += numbers.find_inexact_numbers(body)
            _refuse_body(body, error, None if validate is validate_all else validate_all, faults)
            return None
        if integers:
            fields = value.__dict__
            for name in integers:
                integer = fields[name]
                if integer is not None and integer.bit_length() > INTEGER_BITS:
                    faults += numbers.find_inexact_numbers(body)
                    break
        # Each key has a colon, so there are as many keys as fields (0.1 us; the check takes 0.8).
        if not is_plain or body.count(b":") != len(value.__pydantic_fields_set__):
            _refuse_repeated_key(body)
        return value

    return parse


def _refuse_body(
    body: bytes, error: ValidationError | OverflowError, validate_all: Callable[..., Any] | None, faults: list[Fault]
) -> None:
    """Add what is wrong with a body. `validate_all` finds the faults that the error lacks, if it may lack some."""
    _refuse_repeated_key(body)
    if isinstance(error, OverflowError):
        faults.append(Fault("body", "#", OUT_OF_RANGE, "out_of_range"))
        return
    errors = error_details(error)
    if errors[0]["type"] == "json_invalid":
        reason = errors[0]["msg"].removeprefix("Invalid JSON: ")
        # As its cause, pydantic's error would put the caller's body into the log.
        raise BadRequest(f"The body is not valid JSON: {reason}.", code="invalid_json") from None
    if validate_all is not None and len(body) <= ALL_FAULTS_BYTES:
        try:
            validate_all(body, strict=True, by_alias=True, by_name=False)
        except ValidationError as complete:
            errors = error_details(complete)
    _add_faults(errors, from_json(body), faults)


def _validator(model: type[BaseModel], schema: Any) -> Any:
    if schema is model.__pydantic_core_schema__:
        return model.__pydantic_validator__
    # By default pydantic reuses the validators of the model classes in the schema.
    return SchemaValidator(schema, _use_prebuilt=False)


def _is_plain(schema: Any) -> bool:
    """Without validators of the model, which could set fields that the body does not have."""
    is_model = schema.get("type") == "model" and "post_init" not in schema
    return is_model and schema["schema"].get("type") == "model-fields"


def _integer_fields(schema: Any) -> list[str] | None:
    """The fields that hold integers, of a model whose other fields hold no numbers; None for any other model."""
    integers = []
    for name, field in schema["schema"]["fields"].items():
        field_schema = field["schema"]
        while field_schema["type"] in _WRAPPERS:
            # A default is not validated.
            if not isinstance(field_schema.get("default"), int | None) or "default_factory" in field_schema:
                return None
            field_schema = field_schema["schema"]
        if field_schema["type"] == "int":
            integers.append(name)
        elif field_schema["type"] not in _WITHOUT_NUMBERS:
            return None
    return integers


def _refuse_repeated_key(body: bytes) -> None:
    if has_repeated_key(body):
        raise BadRequest("The body has an object with the same key twice.", code="invalid_json")


def form_parser(model: type[BaseModel]) -> Callable[[str, list[Fault]], Any]:
    """A function that parses a form as the model, by its camelCase names only.

    The fields have the same formats as parameters of the query string. The function raises `ValueError` for more than
    `MAX_FORM_FIELDS` fields.
    """
    _build(model)
    schema = with_json_values(model.__pydantic_core_schema__)
    validator = model.__pydantic_validator__
    if schema is not model.__pydantic_core_schema__:
        validator = SchemaValidator(schema, _use_prebuilt=False)
    validate = validator.validate_python
    fields = {_wire_name(name, field): _form_field(field.annotation) for name, field in model.model_fields.items()}

    def parse(form: str, faults: list[Fault]) -> Any:
        values: dict[str, Any] = {}
        for name, value in parse_qsl(form, keep_blank_values=True, errors="replace", max_num_fields=MAX_FORM_FIELDS):
            is_list, string_format = fields.get(name, (False, None))
            if string_format is not None and string_format.pattern.fullmatch(value) is None:
                faults.append(Fault("body", pointer([name]), string_format.detail, string_format.code))
            if is_list:
                values.setdefault(name, []).append(value)
            elif name in values:
                faults.append(Fault("body", pointer([name]), "This field is sent more than once.", "repeated"))
            else:
                values[name] = value
        try:
            return validate(values, by_alias=True, by_name=False)
        except ValidationError as error:
            _add_faults(error_details(error), values, faults)
        except OverflowError:
            faults.append(Fault("body", "#", OUT_OF_RANGE, "out_of_range"))
        return None

    return parse


def _add_faults(errors: list[Any], document: Any, faults: list[Fault]) -> None:
    """Add pydantic's errors in a body, except where there is a fault already."""
    pointers = {fault.pointer for fault in faults if fault.where == "body"}
    for error in errors[:MAX_FAULTS]:
        place = _pointer_to(error["loc"], document, missing=error["type"] == "missing")
        if place not in pointers:
            faults.append(Fault("body", place, _DETAILS.get(error["type"]) or error["msg"], error["type"]))


def _has_collection(schema: Any) -> bool:
    """Whether a core schema contains a collection, which can have any number of bad items."""
    if isinstance(schema, dict):
        kind = schema.get("type")
        children = [child for key, child in schema.items() if key not in _DATA_KEYS]
        return (isinstance(kind, str) and kind in _COLLECTIONS) or any(map(_has_collection, children))
    return isinstance(schema, list | tuple) and any(map(_has_collection, schema))


def _fail_fast_validator(schema: Any) -> SchemaValidator:
    """A validator that stops in each collection at the first bad item."""
    # By default pydantic reuses the validators of the model classes in the schema, this one included.
    return SchemaValidator(_with_fail_fast(schema), _use_prebuilt=False)


def _with_fail_fast(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_with_fail_fast(child) for child in schema]
    if isinstance(schema, tuple):
        return tuple(_with_fail_fast(child) for child in schema)
    if not isinstance(schema, dict):
        return schema
    copied = {key: child if key in _DATA_KEYS else _with_fail_fast(child) for key, child in schema.items()}
    if isinstance(copied.get("type"), str) and copied["type"] in _COLLECTIONS:
        copied["fail_fast"] = True
    return copied


def model_writer(model: type[BaseModel]) -> Callable[[Any], bytes]:
    """A function that writes a model as JSON, under its camelCase names."""
    _build(model)
    to_json = model.__pydantic_serializer__.to_json

    def write(value: Any) -> bytes:
        if not isinstance(value, model):
            # Written, it would show every field that it has. This raises before the transaction is committed.
            raise mismatch(model, value)
        filters = warnings.filters
        return to_json(value, by_alias=True, warnings=True if filters and filters[0] is MISMATCH_IS_ERROR else "error")

    return write


def list_writer(model: type[BaseModel]) -> Callable[[Any], bytes]:
    """A function that writes models as a JSON array."""
    write_model = model_writer(model)

    def write(values: Any) -> bytes:
        # A model is iterable too: its fields would be taken for the items.
        if type(values) is not list and (isinstance(values, (BaseModel, str, Mapping)) or is_with_status(values)):
            raise mismatch(list[model], values)  # type: ignore[valid-type]  # shown only
        return b"[" + b",".join([write_model(value) for value in values]) + b"]"

    return write


def union_writer(types: Sequence[Any]) -> Callable[[Any], bytes]:
    """A function that writes values of any of the types as JSON, the models in them under their camelCase names."""
    # pydantic checks only the members of a union: outside one, a list of another model would be written as [{}].
    union: Any = reduce(or_, types, create_model("Nothing"))
    to_json = TypeAdapter[Any](union).dump_json
    return lambda value: to_json(value, by_alias=True, warnings="error")


def _build(model: type[BaseModel]) -> None:
    # Before it is built, a model's validator is a proxy, and a reference to it stays one (measured: 2.8 / 1.6 us a
    # call). So build the model before its validator is referenced.
    model.model_rebuild()


def _wire_name(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return alias if isinstance(alias, str) else field.alias or name


def _form_field(annotation: Any) -> tuple[bool, StringFormat | None]:
    """Whether a field may be repeated, and the format of its strings."""
    field_type = unwrap(annotation)
    is_list = get_origin(field_type) is list
    item_type = unwrap(get_args(field_type)[0]) if is_list else field_type
    return is_list, FORMATS.get(item_type) if isinstance(item_type, type) else None


def _pointer_to(location: tuple[int | str, ...], document: Any, *, missing: bool) -> str:
    """The JSON pointer (RFC 6901) to a value in the document, or to a `missing` one.

    pydantic's location also names the union members that it tried: those parts are left out.
    """
    parts: list[str] = []
    for index, part in enumerate(location):
        if isinstance(document, dict) and part in document:  # noqa: SIM114 - each branch is typed by its own condition
            document = document[part]
        elif isinstance(document, list) and isinstance(part, int) and part < len(document):
            document = document[part]
        elif not (missing and index == len(location) - 1):
            continue
        parts.append(str(part))
    return pointer(parts)
