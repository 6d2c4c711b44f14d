"""From a request to the arguments of a handler. Validators are compiled when the route is first hit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import orjson

from org_common.handlers.pointer import pointer
from org_common.handlers.signature import FROM_APP, Parameter, Signature
from org_common.http.request import Request
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
    from org_common.handlers.scalar import Scalar, Scalars

# Reads one argument; appends to the faults instead of raising, so that all of them are told at once.
Read = Callable[[Request, list[str], dict[str, list[str]], list[Fault]], Any]
Provided = Mapping[type, Callable[[Request], Any]]

BODY_LIMIT_BYTES = 1024 * 1024
NO_QUERY: dict[str, list[str]] = {}
MAX_PARAMETERS = 100
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Binding:
    """Makes the arguments of one handler."""

    __slots__ = ("_known", "_reads", "_signature")

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._known = {parameter.outside for parameter in signature.parameters if parameter.kind == "query"}
        if signature.injects("page") is not None:
            self._known |= {"limit", "cursor"}
        self._reads: list[Read | None] | None = None

    def prepare(self, provided: Provided) -> None:
        """Compile the validators now, and not at the first request."""
        self._reads = self._compiled(provided)

    def bind(self, request: Request, values: list[str], provided: Provided) -> list[Any]:
        """The arguments, with None for those that do not come from the request. `values` are the path's, in order.

        `Unprocessable` with every fault at once; `BadRequest`, `UnsupportedMediaType` or `PayloadTooLarge` for a body
        that cannot be read at all.
        """
        reads = self._reads
        if reads is None:
            reads = self._reads = self._compiled(provided)
        faults: list[Fault] = []
        text = request.query
        query = _query(text, self._known, faults) if text else NO_QUERY
        arguments: list[Any] = []
        for read in reads:
            arguments.append(None if read is None else read(request, values, query, faults))  # noqa: PERF401 - half the time
        if faults:
            raise Unprocessable(errors=faults[:MAX_FAULTS])
        return arguments

    def _compiled(self, provided: Provided) -> list[Read | None]:
        signature = self._signature
        return [
            None if parameter.kind in FROM_APP else _reader(parameter, signature.path, provided)
            for parameter in signature.parameters
        ]


def _reader(parameter: Parameter, path: list[str], provided: Provided) -> Read:
    kind = parameter.kind
    if kind == "request":
        return lambda request, values, query, faults: request
    if kind == "deadline":
        return lambda request, values, query, faults: request.deadline
    if kind == "page":
        return _page
    if kind == "precondition":
        from org_common.handlers.precondition import Precondition

        return lambda request, values, query, faults: Precondition(request)
    if kind == "provided":
        given = parameter.annotation
        # Looked up each time: a test may have put another value in its place.
        return lambda request, values, query, faults: provided[given](request)
    if kind == "body":
        return _body_reader(parameter)
    if kind == "form":
        return _form_reader(parameter)
    from org_common.handlers.scalar import Scalars, scalar

    if parameter.is_list:
        return _list_reader(parameter, Scalars(parameter.annotation, parameter.constraints))
    one = scalar(parameter.annotation, parameter.constraints)
    if kind == "path":
        return _path_reader(parameter, path.index(parameter.name), one)
    if kind == "header":
        return _named_reader(parameter, one, "This header is required.", lambda request: request.headers)
    if kind == "cookie":
        return _named_reader(parameter, one, "This cookie is required.", lambda request: request.cookies)
    return _query_reader(parameter, one)


def _path_reader(parameter: Parameter, at: int, scalar: Scalar) -> Read:
    name, convert = parameter.outside, scalar.convert

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        try:
            return convert(values[at])
        except MISFIT as error:
            faults += scalar.faults(error, "path", name)
            return None

    return read


def _query_reader(parameter: Parameter, scalar: Scalar) -> Read:
    name, required, default, convert = parameter.outside, parameter.required, parameter.default, scalar.convert

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        given = query.get(name)
        if given is None:
            if required:
                faults.append(Fault("query", f"#/{name}", "This parameter is required.", "missing"))
            return default
        if len(given) > 1:
            faults.append(Fault("query", f"#/{name}", "This parameter is given more than once.", "repeated"))
        try:
            return convert(given[0])
        except MISFIT as error:
            faults += scalar.faults(error, "query", name)
            return None

    return read


def _named_reader(
    parameter: Parameter, scalar: Scalar, missing: str, values_of: Callable[[Request], Mapping[str, str]]
) -> Read:
    where, name, required, default = parameter.kind, parameter.outside, parameter.required, parameter.default

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        text = values_of(request).get(name)
        if text is None:
            if required:
                faults.append(Fault(where, f"#/{name}", missing, "missing"))
            return default
        try:
            return scalar.convert(text)
        except MISFIT as error:
            faults += scalar.faults(error, where, name)
            return None

    return read


def _list_reader(parameter: Parameter, scalars: Scalars) -> Read:
    name, required, default = parameter.outside, parameter.required, parameter.default

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        given = query.get(name)
        if given is not None:
            return scalars.read(given, "query", name, faults)
        if required:
            faults.append(Fault("query", f"#/{name}", "This parameter is required.", "missing"))
        return deepcopy(default)

    return read


def _body_reader(parameter: Parameter) -> Read:
    from org_common.handlers.schema import body

    parse = body(parameter.annotation)
    required, default = parameter.required, parameter.default

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        sent = request.body
        if not sent:
            if required:
                raise BadRequest("A JSON body is required.", code="missing_body")
            # The declaration's own would be every request's, and a handler may change it.
            return deepcopy(default)
        content_type = request.headers.get("content-type", JSON)
        if content_type != JSON and not _is_json(content_type):
            raise UnsupportedMediaType
        if len(sent) > BODY_LIMIT_BYTES:
            raise PayloadTooLarge(f"The body has {len(sent)} bytes, and {BODY_LIMIT_BYTES} are allowed.")
        return parse(sent, faults)

    return read


def _form_reader(parameter: Parameter) -> Read:
    from org_common.handlers.schema import form

    parse = form(parameter.annotation)
    required, default = parameter.required, parameter.default

    def read(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> Any:
        sent = request.body
        if not sent:
            if required:
                raise BadRequest("A form is required.", code="missing_body")
            return deepcopy(default)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise UnsupportedMediaType(f"The body must be {FORM}.")
        if len(sent) > BODY_LIMIT_BYTES:
            raise PayloadTooLarge(f"The body has {len(sent)} bytes, and {BODY_LIMIT_BYTES} are allowed.")
        try:
            return parse(sent.decode(), faults)
        except ValueError:
            raise BadRequest("The form is not valid UTF-8, or has too many fields.", code="invalid_form") from None

    return read


def _is_json(content_type: str) -> bool:
    """`application/json` or `application/…+json`, whatever its parameters and case."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == JSON or (media_type.startswith("application/") and media_type.endswith("+json"))


def _query(text: str, known: set[str], faults: list[Fault]) -> dict[str, list[str]]:
    """The values of each parameter, decoded."""
    pairs = text.split("&")
    if len(pairs) > MAX_PARAMETERS:
        raise BadRequest("The query string has too many parameters.", code="invalid_query")
    query: dict[str, list[str]] = {}
    # Most hold no escapes, and are read without urllib: 1 instead of 5 us.
    is_plain = "%" not in text and "+" not in text
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not is_plain:
            name, value = _decode(name), _decode(value)
        if name in query:
            query[name].append(value)
        elif name in known:
            query[name] = [value]
        elif pair:
            # A filter with a misspelt name that were dropped in silence would answer every row.
            faults.append(Fault("query", pointer([name]), "There is no such parameter.", "unknown_parameter"))
            query[name] = [value]
    return query


def _decode(text: str) -> str:
    from urllib.parse import unquote_plus

    return unquote_plus(text, errors="replace")


def _page(request: Request, values: list[str], query: dict[str, list[str]], faults: list[Fault]) -> PageRequest:
    limit, cursor = DEFAULT_LIMIT, None
    if "limit" in query:
        text = _once(query["limit"], "limit", faults)
        limit = int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0
        if not 1 <= limit <= MAX_LIMIT:
            faults.append(Fault("query", "#/limit", f"This must be a number from 1 to {MAX_LIMIT}.", "out_of_range"))
    if "cursor" in query:
        cursor = _once(query["cursor"], "cursor", faults)
    filters = sorted((name, value) for name, value in query.items() if name not in ("limit", "cursor"))
    # HEAD is answered as GET is.
    method = "GET" if request.method == "HEAD" else request.method
    scope = orjson.dumps([method, request.path, filters]).decode()
    return PageRequest(limit=limit, cursor=cursor, scope=scope)


def _once(given: list[str], name: str, faults: list[Fault]) -> str:
    if len(given) > 1:
        faults.append(Fault("query", f"#/{name}", "This parameter is given more than once.", "repeated"))
    return given[0]
