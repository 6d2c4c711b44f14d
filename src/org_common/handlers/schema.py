"""Bodies validated and answers written by pydantic. Beside the models, this and `scalar` are its only home.

Imported when a route is first hit that has something to validate or a model to write.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_
from typing import Any, get_args, get_origin
from urllib.parse import parse_qsl

from pydantic import BaseModel, TypeAdapter, ValidationError, create_model
from pydantic_core import SchemaValidator, from_json

from org_common.handlers import numbers
from org_common.handlers.pointer import pointer
from org_common.handlers.scalar import OUT_OF_RANGE, SPELLINGS, Spelling, base, found
from org_common.values.errors import MAX_FAULTS, BadRequest, Fault

TYPE_CHECKING = False

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

ParseBody = Callable[[bytes, list[Fault]], Any]


MAX_FORM_FIELDS = 1000
# Up to here all faults of a body are told at once.
ALL_TOLD_BYTES = 8 * 1024
_OF_ELEMENTS = frozenset({"list", "tuple", "set", "frozenset", "dict"})
# A default and what somebody noted beside a field, whatever they look like.
_NO_SCHEMA = frozenset({"default", "metadata"})

# A value that is not what its model declares is an error and is not written. pydantic is told so by a text, which it
# reads anew with each answer for 0.9 us (measured); as a flag it is a warning, which this filter makes an error of, for
# what is written here and nowhere else. Where others have put a filter in front, the text is taken.
warnings.filterwarnings("error", "Pydantic serializer warnings", UserWarning, f"{re.escape(__name__)}$")
REFUSE_MISFITS = warnings.filters[0]

# pydantic's words for these repeat the value.
_DETAILS = {
    "union_tag_invalid": "Input is of no known kind",
    "uuid_parsing": "Input should be a valid UUID",
}


def body(model: type[BaseModel]) -> ParseBody:
    """Parses JSON as the model, by its camelCase names only. `BadRequest` for what is not JSON at all."""
    _built(model)
    every = model.__pydantic_validator__.validate_json
    # A million errors of one body took 1.2 GB and 20 s to tell. Of a large one only the first bad element is.
    validate = (
        _stopping(model.__pydantic_core_schema__).validate_json
        if _has_elements(model.__pydantic_core_schema__)
        else every
    )

    def parse(sent: bytes, faults: list[Fault]) -> Any:
        if numbers.are_suspicious(sent):
            faults += numbers.lost(sent)
        try:
            # Strict: a JSON text has numbers and booleans, so "20" is no number and 1 is not true.
            return validate(sent, strict=True, by_alias=True, by_name=False)
        except ValidationError as error:
            errors = found(error)
            if errors[0]["type"] == "json_invalid":
                reason = errors[0]["msg"].removeprefix("Invalid JSON: ")
                # The cause would put the caller's body into our log.
                raise BadRequest(f"The body is not valid JSON: {reason}.", code="invalid_json") from None
        except OverflowError:
            faults.append(Fault("body", "#", OUT_OF_RANGE, "out_of_range"))
            return None
        if validate is not every and len(sent) <= ALL_TOLD_BYTES:
            try:
                return every(sent, strict=True, by_alias=True, by_name=False)
            except ValidationError as error:
                errors = found(error)
        _tell(errors, from_json(sent), faults)
        return None

    return parse


def form(model: type[BaseModel]) -> Callable[[str, list[Fault]], Any]:
    """Parses a form as the model, by its camelCase names only. What a field's text may be is as in a query string."""
    _built(model)
    validate = model.__pydantic_validator__.validate_python
    fields = {_name_outside(name, field): _form_field(field.annotation) for name, field in model.model_fields.items()}

    def parse(sent: str, faults: list[Fault]) -> Any:
        given: dict[str, Any] = {}
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
            _tell(found(error), given, faults)
        except OverflowError:
            faults.append(Fault("body", "#", OUT_OF_RANGE, "out_of_range"))
        return None

    return parse


def _tell(errors: list[Any], document: Any, faults: list[Fault]) -> None:
    """Add what pydantic found wrong with a body, but not twice where something is told already."""
    told = {fault.pointer for fault in faults if fault.where == "body"}
    for each in errors[:MAX_FAULTS]:
        where = _place(each["loc"], document, missing=each["type"] == "missing")
        if where not in told:
            faults.append(Fault("body", where, _DETAILS.get(each["type"]) or each["msg"], each["type"]))


def _has_elements(schema: Any) -> bool:
    """Something in it holds any number of values."""
    if isinstance(schema, dict):
        kind = schema.get("type")
        within = [inner for key, inner in schema.items() if key not in _NO_SCHEMA]
        return (isinstance(kind, str) and kind in _OF_ELEMENTS) or any(map(_has_elements, within))
    return isinstance(schema, list | tuple) and any(map(_has_elements, schema))


def _stopping(schema: Any) -> SchemaValidator:
    """A validator that goes no further in a list than its first bad element."""
    # By default a class's own validator would be taken for each model in it, this one among them.
    return SchemaValidator(_stopped(schema), _use_prebuilt=False)


def _stopped(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_stopped(each) for each in schema]
    if isinstance(schema, tuple):
        return tuple(_stopped(each) for each in schema)
    if not isinstance(schema, dict):
        return schema
    made = {key: inner if key in _NO_SCHEMA else _stopped(inner) for key, inner in schema.items()}
    if isinstance(made.get("type"), str) and made["type"] in _OF_ELEMENTS:
        made["fail_fast"] = True
    return made


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


def _name_outside(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return alias if isinstance(alias, str) else field.alias or name


def _form_field(annotation: Any) -> tuple[bool, Spelling | None]:
    """Whether a field takes several values, and what its texts must look like."""
    whole = base(annotation)
    is_list = get_origin(whole) is list
    kind = base(get_args(whole)[0]) if is_list else whole
    return is_list, SPELLINGS.get(kind) if isinstance(kind, type) else None


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
