"""Runs statements as a caller on the server, each rolled back, many in one round trip."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import LiteralString, NamedTuple

import psycopg
from psycopg import sql

from org_common.tools.prove.rows.world import TENANTS, Row, World

BATCH = 200
"""Statements per round trip: some seconds of work at most, so that progress can be shown."""

# The role is set within the block that is rolled back: a rollback to a savepoint undoes it, so a role that was set
# before would be lost for the next statement. The effects are read with the rights of the session.
_PROBE: LiteralString = """
create or replace function pg_temp.probe(
  setup text, role text, names text[], vals text[], statement text, kind text, target text
) returns text language plpgsql as $probe$
declare
  answer text;
  affected bigint;
  failure text;
begin
  begin
    if setup <> '' then
      execute setup;
    end if;
    for at in 1 .. cardinality(names) loop
      perform set_config(names[at], vals[at], true);
    end loop;
    perform set_config('role', role, true);
    if kind in ('rows', 'call') then
      execute statement into answer;
    else
      execute statement;
    end if;
    get diagnostics affected = row_count;
    perform set_config('role', 'none', true);
    raise exception using errcode = 'PRV00', message = json_build_object(
      'rows', affected, 'answer', answer,
      'effects', case when kind in ('effect', 'call') then pg_temp.effects(target) end
    )::text;
  exception when others then
    get stacked diagnostics failure = message_text;
    if sqlstate = 'PRV00' then
      return failure;
    end if;
    return json_build_object('error', sqlstate, 'message', failure)::text;
  end;
end
$probe$"""


@dataclass(frozen=True)
class Probe:
    """A statement of a caller."""

    role: str
    """Database role; "none" for that of the session."""
    settings: Mapping[str, str]
    """Settings of the request."""
    statement: str
    """The statement."""
    kind: str
    """"rows" to return its value, "count" for how many rows, "effect" for which ones changed, "call" for both."""
    setup: str = ""
    """What the session does before."""
    target: str = ""
    """The only table whose rows can change; "" for all."""

    def script(self) -> str:
        """The SQL that reproduces it in psql."""
        settings = "".join(
            f"select set_config({_quoted(name)}, {_quoted(value)}, true);\n" for name, value in self.settings.items()
        )
        setup = f"{self.setup.rstrip(';')};\n" if self.setup else ""
        role = "" if self.role == "none" else f"set local role {sql.Identifier(self.role).as_string()};\n"
        return f"begin;\n{setup}{settings}{role}{self.statement};\nrollback;"


class Added(NamedTuple):
    """Rows that a statement has added to a table."""

    table: str
    """Name of the table."""
    label: str
    """The tenant of the rows; "-" for a table without one."""
    number: int
    """How many."""


@dataclass(frozen=True)
class Outcome:
    """What a statement did."""

    error: str | None = None
    """The SQLSTATE of its failure."""
    message: str = ""
    """The server's message about the failure."""
    rows: int = 0
    """How many rows it read or changed."""
    answer: str | None = None
    """The value that it returned."""
    touched: tuple[Row, ...] = ()
    """Rows of the world that it changed or deleted."""
    added: tuple[Added, ...] = ()
    """Rows that it added."""


@dataclass
class Prober:
    """Runs probes in the transaction of a connection."""

    conn: psycopg.Connection
    """A connection in a transaction, of a role that bypasses row-level security."""
    world: World
    """The rows that statements may touch."""
    count: int = field(default=0, init=False)
    """How many statements it has run."""

    def __post_init__(self) -> None:
        _create_effects(self.conn, self.world)
        self.conn.execute(_PROBE)

    def run(self, probes: Sequence[Probe]) -> Iterator[Outcome]:
        """The outcome of each probe."""
        for start in range(0, len(probes), BATCH):
            batch = probes[start : start + BATCH]
            self.count += len(batch)
            given = [
                [
                    each.setup,
                    each.role,
                    [*each.settings],
                    [*each.settings.values()],
                    each.statement,
                    each.kind,
                    each.target,
                ]
                for each in batch
            ]
            # As JSON: arrays of arrays of different lengths have no type.
            query: LiteralString = """
                select pg_temp.probe(
                  e ->> 0, e ->> 1, array(select jsonb_array_elements_text(e -> 2)),
                  array(select jsonb_array_elements_text(e -> 3)), e ->> 4, e ->> 5, e ->> 6)
                from jsonb_array_elements(%s::jsonb) with ordinality u (e, at) order by at"""
            for (text,) in self.conn.execute(query, [json.dumps(given)]).fetchall():
                yield self._outcome(json.loads(text))

    def _outcome(self, found: Mapping[str, object]) -> Outcome:
        if found.get("error"):
            return Outcome(error=str(found["error"]), message=str(found["message"]))
        touched: list[Row] = []
        added: list[Added] = []
        for word in str(found.get("effects") or "").split():
            table, sign, rest = word.partition("#")
            if sign:
                touched += [self.world.rows[table][int(at) - 1] for at in rest.split(",")]
            else:
                table, _, rest = word.partition("+")
                label, _, number = rest.partition("=")
                added.append(Added(table, label, int(number)))
        answer = found.get("answer")
        rows = found.get("rows")
        return Outcome(
            rows=rows if isinstance(rows, int) else 0,
            answer=None if answer is None else str(answer),
            touched=tuple(touched),
            added=tuple(added),
        )


def _create_effects(conn: psycopg.Connection, world: World) -> None:
    """Queries for the rows of the world that are gone or changed, and for how many were added per tenant.

    A changed row has another ctid. The query about all tables is fixed, so the server plans it once; one about a single
    table is cheap to plan. (`session_replication_role` empties the cache of plans, and most statements set it: with the
    query about all tables, each took 5 instead of 0.8 ms.)
    """
    queries = {table: _effects_of(world, table, rows) for table, rows in world.rows.items()}
    everything = " union all ".join(queries.values())
    conn.execute("drop table if exists pg_temp.effect_queries")
    conn.execute("create temporary table effect_queries (target text primary key, query text not null) on commit drop")
    with conn.cursor() as cursor:
        rows = [(table, _words(query)) for table, query in queries.items()]
        cursor.executemany("insert into pg_temp.effect_queries values (%s, %s)", rows)
    conn.execute(
        f"""
        create or replace function pg_temp.effects(of_table text) returns text language plpgsql as $effects$
        declare
          found text;
        begin
          if of_table = '' then
            return ({_words(everything)});
          end if;
          execute (select query from pg_temp.effect_queries where target = of_table) into found;
          return found;
        end $effects$""".encode()
    )


def _words(query: str) -> str:
    return f"select string_agg(word, ' ') from ({query}) e where word !~ '=-'"


def _effects_of(world: World, table: str, rows: Sequence[Row]) -> str:
    name = sql.Identifier(*table.split(".", 1)).as_string()
    places = ", ".join(f"'{row.ctid}'" for row in rows)
    gone = f"unnest(array[{places}]::tid[]) with ordinality u (place, at)"
    missing = f"not exists (select from {name} t where t.ctid = u.place)"
    parts = [f"select '{table}#' || string_agg(u.at::text, ',') as word from {gone} where {missing}"]
    if (column := world.links.tenant.get(table)) is not None:
        key = sql.Identifier(column).as_string()
        for label in TENANTS:
            before = sum(row.label == label for row in rows)
            parts.append(
                f"select '{table}+{label}=' || nullif(count(*) - {before}, 0) from {name}"
                f" where {key}::text = {_quoted(world.tenant_ids[label])}"
            )
    return " union all ".join(parts)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
