"""The prologue of a handler: what it does before its first statement, which carries the access rule.

An access rule and an idempotency key are sent with the handler's first statement, in one round trip. That is safe only
if nothing happens before that statement: a refused caller must cause no effect, and a repeated request no second one.
`find_effect` proves it from the bytecode, once per route. Where it cannot, the route asks first, in a round trip of its
own. The proof follows one straight line of code, into functions of the project too. A branch, a loop, a `try`, or a
call that is not known to be free of effects ends it.
"""

from __future__ import annotations

import builtins
import datetime
import decimal
import dis
import sys
import types
import uuid
from collections.abc import Callable, Sequence
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_VARARGS, CO_VARKEYWORDS, getattr_static
from typing import Any

from org_common.handlers.signature import Parameter, is_model
from org_common.http.response import Response

# Attributes of a class that are read without running code.
_PLAIN = (
    *(types.FunctionType, classmethod, staticmethod, types.BuiltinFunctionType, types.MethodDescriptorType),
    *(types.ClassMethodDescriptorType, types.WrapperDescriptorType),
    *(types.GetSetDescriptorType, types.MemberDescriptorType),
)
# Functions of the project are followed this deep.
MAX_DEPTH = 4
_NOT_FOLLOWED = CO_ASYNC_GENERATOR | CO_COROUTINE | CO_GENERATOR | CO_VARARGS | CO_VARKEYWORDS

# Methods that send a statement, and those of a transaction that only queue one.
_STATEMENTS = frozenset({"all", "many", "maybe", "one", "page", "run", "value"})
_QUEUED = frozenset({"send"})

# Calls without an effect on arguments that are themselves free of effects.
_PURE: frozenset[Any] = frozenset(
    {
        *(bool, bytes, dict, float, frozenset, int, len, list, max, min, round, set, sorted, str, sum, tuple),
        *(datetime.date, datetime.date.today, datetime.datetime, datetime.datetime.now, datetime.timedelta),
        *(decimal.Decimal, uuid.UUID, uuid.uuid4, Response),
    }
)
# Instructions that only combine values. Methods such as `__add__` are those of scalars, models and constants.
_VALUES = frozenset(
    {
        *("BINARY_OP", "BINARY_SLICE", "BINARY_SUBSCR", "COMPARE_OP", "CONTAINS_OP", "IS_OP", "TO_BOOL"),
        *("UNARY_NEGATIVE", "UNARY_NOT", "UNARY_INVERT"),
        *("BUILD_CONST_KEY_MAP", "BUILD_LIST", "BUILD_MAP", "BUILD_SET", "BUILD_SLICE", "BUILD_STRING", "BUILD_TUPLE"),
        *("DICT_MERGE", "DICT_UPDATE", "LIST_APPEND", "LIST_EXTEND", "MAP_ADD", "SET_ADD", "SET_UPDATE"),
        *("CONVERT_VALUE", "FORMAT_SIMPLE", "FORMAT_VALUE", "FORMAT_WITH_SPEC", "LIST_TO_TUPLE"),
        *("LOAD_SMALL_INT", "PUSH_NULL", "POP_TOP"),
    }
)
_NOTHING = frozenset({"CACHE", "COPY_FREE_VARS", "EXTENDED_ARG", "MAKE_CELL", "NOP", "NOT_TAKEN", "RESUME"})
_RETURNS = frozenset({"RETURN_CONST", "RETURN_VALUE"})
_LOADS = frozenset(
    {
        *("LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK", "LOAD_DEREF"),
        *("LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"),
    }
)

# What is known of a value on the stack: a parameter of the handler, an object that the code names, a method of either.
_VALUE = object()


class _Named:
    """An object that the code names: a global, a closure's variable, or an attribute of one of these."""

    def __init__(self, name: str, object_: Any) -> None:
        self.name = name
        self.object = object_


class _Method:
    """An attribute of a parameter. It matters only if it is called."""

    def __init__(self, parameter: Parameter, name: str) -> None:
        self.parameter = parameter
        self.name = name


class _Effect(Exception):
    """The proof ends here: what the code may do, as the end of a sentence about the handler."""


def find_effect(handler: Callable[..., Any], parameters: Sequence[Parameter]) -> str | None:
    """What the handler may do before its first statement; None if it provably does nothing.

    The result continues a sentence about the handler: "calls 'notify' in line 12".
    """
    provided = next((parameter for parameter in parameters if parameter.kind == "provided"), None)
    if provided is not None:
        return f"takes {provided.name!r}, which a factory of the app creates"
    if not isinstance(handler, types.FunctionType) or hasattr(handler, "__wrapped__"):
        return "has a decorator, which may do anything"
    try:
        _Prologue(handler, {parameter.name: parameter for parameter in parameters}).follow()
    except _Effect as effect:
        return str(effect)
    return None


class _Prologue:
    """Follows the bytecode of a function with a stack of what is known of each value."""

    def __init__(self, function: types.FunctionType, arguments: dict[str, Any], depth: int = 0) -> None:
        self._bytecode = dis.Bytecode(function)
        self._constants = function.__code__.co_consts
        self._globals = function.__globals__
        self._locals = arguments | _free_variables(function)
        self._depth = depth
        self._stack: list[Any] = []
        self._keywords: tuple[str, ...] = ()
        self._line = function.__code__.co_firstlineno

    def follow(self) -> bool:
        """Whether a statement is reached, before the function returns. `_Effect` before something with an effect."""
        entries = self._bytecode.exception_entries  # type: ignore[attr-defined]  # missing in typeshed
        guarded = [(entry.start, entry.end) for entry in entries]
        for instruction in self._bytecode:
            line = instruction.positions and instruction.positions.lineno
            self._line = line or self._line
            if any(start <= instruction.offset < end for start, end in guarded):
                raise _Effect(f"begins a block in line {self._line} that may handle the refusal")
            if instruction.opname in _RETURNS:
                break
            if self.is_statement(instruction):
                return True
        return False

    def is_statement(self, instruction: dis.Instruction) -> bool:
        name = instruction.opname
        if name in _NOTHING:
            return False
        if name in ("PRECALL", "CALL", "CALL_KW"):
            return self.call(instruction)
        step = _STEPS.get(name)
        if step is not None:
            step(self, instruction)
        elif name in _VALUES:
            self.combine(instruction)
        else:
            raise _Effect(f"{_describe(name)} in line {self._line}")
        return False

    def load(self, instruction: dis.Instruction) -> None:
        names = instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,)
        self._stack += [self._locals.get(name, _VALUE) for name in names]

    def load_constant(self, instruction: dis.Instruction) -> None:
        self._stack.append(_Named("a constant", instruction.argval))

    def load_global(self, instruction: dis.Instruction) -> None:
        name = instruction.argval
        # None if it is missing: the first request will report it.
        found = self._globals.get(name, getattr(builtins, name, None))
        # Both slots of a call get the same mark, since their order depends on the version of Python.
        self._stack += [_Named(name, found)] * _growth(instruction)

    def load_attribute(self, instruction: dis.Instruction) -> None:
        owner, name = self._stack.pop(), instruction.argval
        self._stack += [self.attribute(owner, name)] * (1 + _growth(instruction))

    def attribute(self, owner: Any, name: str) -> Any:
        if isinstance(owner, _Named):
            return self.attribute_of_object(owner, name)
        if not isinstance(owner, Parameter):
            return _VALUE
        if is_model(owner.annotation) and name not in owner.annotation.__pydantic_fields__:
            self.check_property(owner.annotation, name, f"{owner.name}.{name}")
        return _Method(owner, name)

    def attribute_of_object(self, owner: _Named, name: str) -> _Named:
        written = f"{owner.name}.{name}"
        if isinstance(owner.object, (types.ModuleType, type)):
            found = getattr_static(owner.object, name, None)
            if isinstance(found, (types.ClassMethodDescriptorType, classmethod, staticmethod)):
                found = getattr(owner.object, name)
            return _Named(written, found)
        self.check_property(type(owner.object), name, written)
        return _Named(written, getattr_static(type(owner.object), name, None))

    def check_property(self, kind: type, name: str, written: str) -> None:
        """A property of a class that the project wrote may do anything."""
        found = getattr_static(kind, name, None)
        if hasattr(found, "__get__") and not isinstance(found, _PLAIN) and not _is_of_a_library(kind, name):
            raise _Effect(f"reads the property {written!r} in line {self._line}")

    def name_keywords(self, instruction: dis.Instruction) -> None:
        self._keywords = self._constants[instruction.arg or 0]

    def call(self, instruction: dis.Instruction) -> bool:
        if instruction.opname == "CALL" and _HAS_PRECALL:
            # PRECALL has looked at it, and has left its result and one slot.
            self.combine(instruction)
            return False
        count = instruction.arg or 0
        stack, keywords, self._keywords = self._stack, self._keywords, ()
        if instruction.opname == "CALL_KW":
            keywords, stack = stack[-1].object, stack[:-1]
        callee, arguments = stack[_CALLEE - count], stack[len(stack) - count :]
        if isinstance(callee, _Method) and callee.parameter.kind in ("reader", "transaction"):
            if callee.name in _STATEMENTS:
                return True
            if callee.name not in _QUEUED:
                raise _Effect(f"calls '{callee.parameter.name}.{callee.name}' in line {self._line}")
        elif not _is_pure(callee) and self.follow_call(callee, arguments, keywords):
            return True
        self.combine(instruction)
        return False

    def follow_call(self, callee: Any, arguments: list[Any], keywords: tuple[str, ...]) -> bool:
        """Whether a function of the project reaches a statement."""
        function = callee.object if isinstance(callee, _Named) else None
        if (
            not isinstance(function, types.FunctionType)
            or hasattr(function, "__wrapped__")
            or function.__code__.co_flags & _NOT_FOLLOWED
            or self._depth == MAX_DEPTH
        ):
            raise _Effect(f"calls {_name(callee)} in line {self._line}")
        positional = len(arguments) - len(keywords)
        names = function.__code__.co_varnames[:positional] + keywords
        try:
            return _Prologue(function, dict(zip(names, arguments, strict=True)), self._depth + 1).follow()
        except _Effect as effect:
            raise _Effect(f"calls {_name(callee)} in line {self._line}, which {effect}") from None

    def store(self, instruction: dis.Instruction) -> None:
        for name in instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,):
            self._locals[name] = self._stack.pop()

    def store_and_load(self, instruction: dis.Instruction) -> None:
        stored, loaded = instruction.argval
        self._locals[stored] = self._stack.pop()
        self._stack.append(self._locals.get(loaded, _VALUE))

    def copy(self, instruction: dis.Instruction) -> None:
        self._stack.append(self._stack[-instruction.argval])

    def swap(self, instruction: dis.Instruction) -> None:
        at = -instruction.argval
        self._stack[at], self._stack[-1] = self._stack[-1], self._stack[at]

    def combine(self, instruction: dis.Instruction) -> None:
        """Replace what the instruction takes by a value of which nothing is known."""
        growth = _growth(instruction)
        if growth > 0:
            self._stack += [_VALUE] * growth
            return
        del self._stack[len(self._stack) + growth :]
        if self._stack and instruction.opname != "POP_TOP":
            self._stack[-1] = _VALUE


_STEPS: dict[str, Callable[[_Prologue, dis.Instruction], None]] = {
    **dict.fromkeys(_LOADS, _Prologue.load),
    "LOAD_CONST": _Prologue.load_constant,
    "LOAD_GLOBAL": _Prologue.load_global,
    "LOAD_ATTR": _Prologue.load_attribute,
    "LOAD_METHOD": _Prologue.load_attribute,
    "KW_NAMES": _Prologue.name_keywords,
    "STORE_FAST": _Prologue.store,
    "STORE_FAST_STORE_FAST": _Prologue.store,
    "STORE_FAST_LOAD_FAST": _Prologue.store_and_load,
    "COPY": _Prologue.copy,
    "SWAP": _Prologue.swap,
}
# Below its arguments, a call has the callable and `self` or NULL, from 3.13 on in this order.
_CALLEE = -2 if sys.version_info >= (3, 13) else -1
# 3.11 has PRECALL in front of CALL.
_HAS_PRECALL = "PRECALL" in dis.opmap


def _growth(instruction: dis.Instruction) -> int:
    return dis.stack_effect(instruction.opcode, instruction.arg)


def _free_variables(handler: types.FunctionType) -> dict[str, Any]:
    names, cells = handler.__code__.co_freevars, handler.__closure__ or ()
    found = {}
    for name, cell in zip(names, cells, strict=True):
        try:
            found[name] = _Named(name, cell.cell_contents)
        except ValueError:
            # Not assigned yet.
            found[name] = _Named(name, None)
    return found


def _is_pure(callee: Any) -> bool:
    if isinstance(callee, _Method):
        kind = callee.parameter.annotation
        if is_model(kind):
            # `body.model_dump()`: what pydantic and this package define for models.
            return _is_of_a_library(kind, callee.name)
        return isinstance(kind, type) and _is_member(getattr_static(kind, callee.name, None))
    if not isinstance(callee, _Named):
        return False
    # A model is validated before the rule is asked anyway, when it is a body.
    return is_model(callee.object) or _is_member(callee.object)


def _is_member(value: Any) -> bool:
    if isinstance(value, types.MethodDescriptorType):
        return value.__objclass__ in (str, bytes)
    try:
        return value in _PURE
    except TypeError:
        return False


def _is_of_a_library(kind: type, name: str) -> bool:
    """The class that defines the attribute is pydantic's or this package's."""
    for base in kind.__mro__:
        if name in base.__dict__:
            return base.__module__.partition(".")[0] in ("org_common", "pydantic")
    return False


def _name(callee: Any) -> str:
    if isinstance(callee, _Method):
        return f"'{callee.parameter.name}.{callee.name}'"
    return repr(callee.name) if isinstance(callee, _Named) else "a function"


def _describe(opname: str) -> str:
    if "JUMP" in opname or opname in ("FOR_ITER", "GET_ITER", "SEND"):
        return "branches or loops"
    if opname == "RAISE_VARARGS":
        return "raises"
    return f"does more than compute values ({opname})"
