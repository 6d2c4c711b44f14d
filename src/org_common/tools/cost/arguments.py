"""Values for the parameters of a statement, from the rows of the tenant and the caller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from org_common.tools.cost.keys import LABEL
from org_common.tools.cost.statements import Asked, Parameter
from org_common.tools.prove.rows.values import Value
from org_common.tools.prove.rows.world import Person, Row, World

_SIMPLE = {
    "smallint": "20",
    "integer": "20",
    "bigint": "20",
    "numeric": "20",
    "real": "20",
    "double precision": "20",
    "boolean": "true",
    "text": "x",
    "character varying": "x",
    "citext": "x",
    "json": "{}",
    "jsonb": "{}",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "bytea": "\\x00",
    "date": "2000-01-01",
    "timestamp with time zone": "2000-01-01 00:00:00+00",
    "timestamp without time zone": "2000-01-01 00:00:00",
    "interval": "1 day",
}

_VARIED = ("text", "character varying", "citext")
ATTEMPTS = 6
"""Values that are tried for a parameter of a function, which the catalog does not connect to a column."""


class NoValueError(Exception):
    """A parameter of a type without a known value."""


class Arguments:
    """Chooses values for one caller: those of one row of each table, of the caller's own rows where there are some."""

    def __init__(self, world: World, person: Person) -> None:
        self._world = world
        self._person = person

    def of(self, asked: Asked) -> Iterator[list[Value]]:
        """Values of a statement's parameters, and others, should PostgreSQL or a function refuse the first.

        Raises `NoValueError`.
        """
        choices = [[*dict.fromkeys(self._values(asked, each))] for each in asked.parameters]
        for at in range(max(map(len, choices), default=1)):
            yield [values[at % len(values)] for values in choices]

    def _values(self, asked: Asked, parameter: Parameter) -> Iterator[Value]:
        found = [value for at in parameter.columns if (value := self._first(*at)) is not None]
        if not found:
            found = [value for at in self._of_the_name(asked, parameter) for value in self._every(*at)][:ATTEMPTS]
            if not found or parameter.type_name in _VARIED:
                found.append(self._of_the_type(parameter))
        yield from map(_array, found) if parameter.is_array else found

    def _first(self, table: str, column: str) -> str | None:
        return next(self._every(table, column), None)

    def _every(self, table: str, column: str) -> Iterator[str]:
        for row in self._rows(table):
            if (value := row.values.get(column)) is not None:
                yield value

    def _rows(self, table: str) -> Sequence[Row]:
        """The caller's rows first, and then those of the tenant."""
        near = [row for row in self._world.rows.get(table, []) if row.label in (LABEL, "-")]
        return sorted(near, key=lambda row: row.user_id != self._person.user_id)

    def _of_the_name(self, asked: Asked, parameter: Parameter) -> Iterator[tuple[str, str]]:
        """The columns with the parameter's name: of the statement's tables, and then of any table."""
        every = [each.name for each in self._world.links.order]
        for table in dict.fromkeys([*asked.tables, *every]):
            relation = self._world.catalog.relations.get(table)
            column = relation.columns.get(parameter.name) if relation else None
            if column is not None and column.base.partition("(")[0] == parameter.type_name:
                yield table, parameter.name

    def _of_the_type(self, parameter: Parameter) -> str:
        """A value for a parameter that is about no column, such as a limit."""
        if parameter.labels:
            return parameter.labels[0]
        if parameter.type_name in _SIMPLE:
            return _SIMPLE[parameter.type_name]
        for table in self._world.links.order:
            for name, column in table.columns.items():
                is_same = column.base.partition("(")[0] == parameter.type_name
                if is_same and (value := self._first(table.name, name)) is not None:
                    return value
        raise NoValueError(f"no value is known for %({parameter.name})s of the type {parameter.type_name}")


def _array(value: str) -> str:
    return '{"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"}'
