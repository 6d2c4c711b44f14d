"""From a request to the arguments of a handler. Validators are compiled at the first request of a route."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import orjson

from org_common.handlers.pointer import pointer
from org_common.handlers.signature import FROM_APP, Parameter, Signature
from org_common.http.request import Request
from org_common.http.response import JSON
from org_common.values.errors import (
    MAX_FAULTS,
    MISFIT,
    BadRequest,
    Fault,
    PayloadTooLarge,
    Unprocessable,
    UnsupportedMediaType,
)
from org_common.values.paging import DEFAULT_LIMIT, MAX_LIMIT, PageRequest

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.handlers.scalar import Scalar, ScalarList

# Reads one argument from the request, the values of the path and the query string. Appends to the faults instead of
# raising, so that the caller gets all of them at once.
ReadArgument = Callable[[Request, list[str], dict[str, list[str]], list[Fault]], Any]
Provided = Mapping[type, Callable[[Request], Any]]

BODY_LIMIT_BYTES = 1024 * 1024
NO_QUERY: dict[str, list[str]] = {}
MAX_PARAMETERS = 100
FORM = "application/x-www-form-urlencoded"


class Binding:
    """Builds the arguments of one handler from a request."""

    __slots__ = ("_query_names", "_readers", "_signature", "provided_at")

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._query_names = {parameter.wire_name for parameter in signature.parameters if parameter.kind == "query"}
        if signature.injects("page") is not None:
            self._query_names |= {"limit", "cursor"}
        self.provided_at: list[tuple[int, type]] = [
            (at, parameter.annotation)
            for at, parameter in enumerate(signature.parameters)
            if parameter.kind == "provided"
        ]
        self._readers: list[ReadArgument | None] | None = None

    def prepare(self) -> None:
        """Compile the validators now instead of at the first request."""
        self._readers = self._compile_readers()

    def provide(self, arguments: list[Any], request: Request, provided: Provided) -> None:
        """Fill in the arguments of provided types. Runs code of the project, so the caller is authorized first."""
        for at, kind in self.provided_at:
            # Looked up at each request: a test may have overridden the factory.
            arguments[at] = provided[kind](request)

    def bind(self, request: Request, values: list[str]) -> list[Any]:
        """Return the arguments, with None for those that the app injects. `values` are those of the path, in order.

        Raises `Unprocessable` with every fault at once; `BadRequest`, `UnsupportedMediaType` or `PayloadTooLarge` for
        a body that cannot be read at all.
        """
        readers = self._readers
        if readers is None:
            readers = self._readers = self._compile_readers()
        faults: list[Fault] = []
        query_string = request.query
        query = _parse_query(query_string, self._query_names, faults) if query_string else NO_QUERY
        arguments: list[Any] = []
        for read in readers:
            arguments.append(None if read is None else read(request, values, query, faults))  # noqa: PERF401 - half the time
        if faults:
            raise Unprocessable(errors=faults[:MAX_FAULTS])
        return arguments

    def _compile_readers(self) -> list[ReadArgument | None]:
        signature = self._signature
        return [
            None
            if parameter.kind in FROM_APP or parameter.kind == "provided"
            else compile_reader(parameter, signature.path)
            for parameter in signature.parameters
        ]


def compile_reader(parameter: Parameter, path: list[str]) -> ReadArgument:
    """The function that reads this parameter. `path` has the names of the path's parameters."""
    kind = parameter.kind
    if kind == "request":
        return lambda request, values, query, faults: request
    if kind == "deadline":
        return lambda request, values, query, faults: request.deadline
    if kind == "page":
        return _read_page
    if kind == "precondition":
        from org_common.handlers.precondition import Precondition

        return lambda request, values, query, faults: Precondition(request)
    if kind == "body":
        return _body_reader(parameter)
    if kind == "form":
        return _form_reader(parameter)
    from org_common.handlers.scalar import ScalarList, compile_scalar

    if parameter.is_list:
        return _list_reader(parameter, ScalarList(parameter.annotation, parameter.constraints))
    scalar = compile_scalar(parameter.annotation, parameter.constraints)
    if kind == "path":
        return _path_reader(parameter, path.index(parameter.name), scalar)
    if kind == "header":
        return _lookup_reader(parameter, scalar, "This header is required.", lambda request: request.headers)
    if kind == "cookie":
        return _lookup_reader(parameter, scalar, "This cookie is required.", lambda request: request.cookies)
    return _query_reader(parameter, scalar)


def _path_reader(parameter: Parameter, position: int, scalar: Scalar) -> ReadArgument:
    name, convert = parameter.wire_name, scalar.convert

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        try:
            return convert(values[position])
        except MISFIT as error:
            faults += scalar.faults(error, "path", name)
            return None

    return read


def _query_reader(parameter: Parameter, scalar: Scalar) -> ReadArgument:
    name, required, default, convert = parameter.wire_name, parameter.required, parameter.default, scalar.convert

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        strings = query.get(name)
        if strings is None:
            if required:
                faults.append(Fault("query", f"#/{name}", "This parameter is required.", "missing"))
            return default
        if len(strings) > 1:
            faults.append(Fault("query", f"#/{name}", "This parameter is sent more than once.", "repeated"))
        try:
            return convert(strings[0])
        except MISFIT as error:
            faults += scalar.faults(error, "query", name)
            return None

    return read


def _lookup_reader(
    parameter: Parameter, scalar: Scalar, missing_detail: str, values_of: Callable[[Request], Mapping[str, str]]
) -> ReadArgument:
    """Reads a header or a cookie."""
    where, name, required, default = parameter.kind, parameter.wire_name, parameter.required, parameter.default

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        string = values_of(request).get(name)
        if string is None:
            if required:
                faults.append(Fault(where, f"#/{name}", missing_detail, "missing"))
            return default
        try:
            return scalar.convert(string)
        except MISFIT as error:
            faults += scalar.faults(error, where, name)
            return None

    return read


def _list_reader(parameter: Parameter, scalars: ScalarList) -> ReadArgument:
    name, required, default = parameter.wire_name, parameter.required, parameter.default

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        strings = query.get(name)
        if strings is not None:
            return scalars.read(strings, "query", name, faults)
        if required:
            faults.append(Fault("query", f"#/{name}", "This parameter is required.", "missing"))
        return deepcopy(default)

    return read


def _body_reader(parameter: Parameter) -> ReadArgument:
    from org_common.handlers.schema import body_parser

    parse = body_parser(parameter.annotation)
    required, default = parameter.required, parameter.default

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        body = request.body
        if not body:
            if required:
                raise BadRequest("A JSON body is required.", code="missing_body")
            # All requests would share the declaration's own object, and a handler may modify it.
            return deepcopy(default)
        content_type = request.headers.get("content-type", JSON)
        if content_type != JSON and not _is_json(content_type):
            raise UnsupportedMediaType
        if len(body) > BODY_LIMIT_BYTES:
            raise _too_large(body)
        return parse(body, faults)

    return read


def _form_reader(parameter: Parameter) -> ReadArgument:
    from org_common.handlers.schema import MAX_FORM_FIELDS, form_parser

    parse = form_parser(parameter.annotation)
    required, default = parameter.required, parameter.default

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        body = request.body
        if not body:
            if required:
                raise BadRequest("A form is required.", code="missing_body")
            return deepcopy(default)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise UnsupportedMediaType(f"The body must be {FORM}.")
        if len(body) > BODY_LIMIT_BYTES:
            raise _too_large(body)
        try:
            return parse(body.decode(), faults)
        except ValueError:
            raise BadRequest(
                f"The form is not valid UTF-8, or has more than {MAX_FORM_FIELDS} fields.", code="invalid_form"
            ) from None

    return read


def _too_large(body: bytes) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body has {len(body)} bytes, and the limit is {BODY_LIMIT_BYTES}.")


def _is_json(content_type: str) -> bool:
    """`application/json` or `application/…+json`, with any parameters and in any case."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == JSON or (media_type.startswith("application/") and media_type.endswith("+json"))


def _parse_query(query_string: str, known_names: set[str], faults: list[Fault]) -> dict[str, list[str]]:
    """The decoded values of each parameter."""
    pairs = query_string.split("&")
    if len(pairs) > MAX_PARAMETERS:
        raise BadRequest(f"The query string has more than {MAX_PARAMETERS} parameters.", code="invalid_query")
    query: dict[str, list[str]] = {}
    # Most contain no escapes and are parsed without urllib: 1 instead of 5 us.
    is_plain = "%" not in query_string and "+" not in query_string
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not is_plain:
            name, value = _decode(name), _decode(value)
        if name in query:
            query[name].append(value)
        elif name in known_names:
            query[name] = [value]
        elif pair:
            # Ignoring a misspelled filter would return every row.
            faults.append(Fault("query", pointer([name]), "This parameter is not supported.", "unknown_parameter"))
            query[name] = [value]
    return query


def _decode(string: str) -> str:
    from urllib.parse import unquote_plus

    return unquote_plus(string, errors="replace")


def _read_page(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> PageRequest:
    limit, cursor = DEFAULT_LIMIT, None
    if "limit" in query:
        digits = _single_value(query["limit"], "limit", faults)
        sent = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 5 else 0
        if 1 <= sent <= MAX_LIMIT:
            limit = sent
        else:
            faults.append(Fault("query", "#/limit", f"This must be an integer from 1 to {MAX_LIMIT}.", "out_of_range"))
    if "cursor" in query:
        cursor = _single_value(query["cursor"], "cursor", faults)
    filters = sorted((name, value) for name, value in query.items() if name not in ("limit", "cursor"))
    # HEAD uses the route of GET, so their cursors are interchangeable.
    method = "GET" if request.method == "HEAD" else request.method
    scope = orjson.dumps([method, request.path, filters]).decode()
    return PageRequest(limit=limit, cursor=cursor, scope=scope)


def _single_value(strings: list[str], name: str, faults: list[Fault]) -> str:
    if len(strings) > 1:
        faults.append(Fault("query", f"#/{name}", "This parameter is sent more than once.", "repeated"))
    return strings[0]
