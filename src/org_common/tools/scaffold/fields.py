"""Fields of a generated table: `subject:text`, `due_on:date?`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from org_common.tools.scaffold.names import ScaffoldError, check_field
from org_common.values.casing import camel


@dataclass(frozen=True)
class FieldType:
    """A type of fields, in SQL, in Python and in JSON."""

    sql: str
    """The type of the column."""
    python: str
    """The annotation in the models."""
    imports: tuple[tuple[str, str], ...]
    """What the annotation needs: module and name."""
    samples: tuple[str, str]
    """Two values, as Python literals of what JSON has."""


TEXT_LENGTH = 2000
TYPES = {
    "text": FieldType(
        "text",
        "Text",
        (("typing", "Annotated"), ("pydantic", "StringConstraints")),
        ('"Printer is on fire"', '"Printer has burnt down"'),
    ),
    "int": FieldType("integer", "int", (), ("1", "2")),
    "bool": FieldType("boolean", "bool", (), ("True", "False")),
    "date": FieldType("date", "date", (("datetime", "date"),), ('"2027-01-31"', '"2027-02-28"')),
    "timestamp": FieldType(
        "timestamptz",
        "AwareDatetime",
        (("pydantic", "AwareDatetime"),),
        ('"2027-01-31T12:00:00Z"', '"2027-02-28T12:00:00Z"'),
    ),
    "uuid": FieldType(
        "uuid",
        "UUID",
        (("uuid", "UUID"),),
        ('"0198a000-0000-7000-8000-000000000001"', '"0198a000-0000-7000-8000-000000000002"'),
    ),
    "decimal": FieldType("numeric(12, 2)", "Decimal", (("decimal", "Decimal"),), ('"9.99"', '"19.99"')),
}


@dataclass(frozen=True)
class Field:
    """A field of a generated table."""

    name: str
    """The name of the column, in snake_case."""
    type_name: str
    """One of `TYPES`."""
    optional: bool = False
    """Whether it may be null."""

    @property
    def type(self) -> FieldType:
        """The type, in SQL, in Python and in JSON."""
        return TYPES[self.type_name]

    @property
    def key(self) -> str:
        """The key in JSON."""
        return camel(self.name)

    @property
    def annotation(self) -> str:
        """The annotation in the models."""
        return f"{self.type.python} | None" if self.optional else self.type.python

    @property
    def column(self) -> str:
        """The definition of the column."""
        null = "" if self.optional else " not null"
        length = f" check (length({self.name}) between 1 and {TEXT_LENGTH})" if self.type_name == "text" else ""
        return f"{self.name} {self.type.sql}{null}{length}"


def parse(texts: Sequence[str]) -> list[Field]:
    """The fields of texts such as "subject:text" and "due_on:date?". Raises `ScaffoldError` if one is not valid."""
    fields = [_parse(text) for text in texts]
    names = [field.name for field in fields]
    for name in names:
        if names.count(name) > 1:
            raise ScaffoldError(f"the field {name} is named twice: give each field another name")
    if not any(not field.optional for field in fields):
        raise ScaffoldError("a table needs a field that is required. For example: subject:text")
    return fields


def _parse(text: str) -> Field:
    name, colon, kind = text.partition(":")
    optional = kind.endswith("?")
    kind = kind.removesuffix("?")
    if not colon or kind not in TYPES:
        raise ScaffoldError(
            f"{text!r} is not a field: write name:type, with a ? behind the type if it may be null. Types are"
            f" {', '.join(TYPES)}. For example: subject:text due_on:date?"
        )
    check_field(name)
    return Field(name, kind, optional)
