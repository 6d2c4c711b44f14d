"""The 84 mistakes that a newcomer made, and what a message has to say: what is wrong, where, and what to do.

A case of a row names the words of its message for each of the three. None: the message does not say it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

ROWS = dict(
    enumerate(
        """\
no pyproject
pyproject key, layer key misspelt
TOML broken
app that is not there, attribute that is not there
async handler
parameter without annotation, missing path parameter
`allow` forgotten
option misspelt (`idempotant`)
rule's placeholder not in the path
two bodies; `list[Model]`, `dict` body
`bytes` body (upload)
`provide`d class in a Router
import under `TYPE_CHECKING`
`<org_id>`, `{id:uuid}`, no leading slash
same route twice
circular import
error handler that returns a tuple
middleware's arity
BaseModel as row, `dict` as row
BaseModel as body
field without column, column without field
wrong type of a column, NULL in a non-null field
column / table not there (migration missing)
table without schema
positional `%s`, bare `%` in LIKE
`$1`
`:org_id`
parameter missing
parameter too many
`in %(ids)s`, quoted `'%(q)s'`, untyped null
`create temp`, `set local`, `begin`
two rows for `one`, two columns for `value`
`rows=` forgotten
page: ORDER BY / LIMIT / nullable / not unique
page: `by` text, `by` unknown
no cursor key set
write in a Reader
error swallowed without savepoint
handle kept after the request
answer a set, bytes, object, generator
answer a tuple with status; `-> None` with a body; `-> list[Row]` with one
grant on a table / column forgotten
grant of the rule's function forgotten
select policy forgotten (insert … returning)
all policies forgotten
WITH CHECK forgotten on an insert policy (`using`)
RLS not enabled / not forced
view without security_invoker
recursive policy
audit trigger forgotten
role misspelt in a rule
function misspelt in a rule, syntax
`app.find_user` not defined
migration: syntax
migration: refers to nothing
migration: BEGIN/COMMIT, duplicate, gap, bad name, no folder
migration changed after it was applied
demo: missing module, no PEOPLE, EXAMPLE unknown, seed raises
secret's variable missing
`service_transaction` without its URL
DATABASE_URL: port, password, nonsense
DATABASE_URL: no superuser, `+psycopg`
variable misspelt (`PROFLE`)
guard with a superuser, migrate with app_login
relay with app_login; sink that raises
sink: no attribute, no `deliver`, no `module:name`
Python 3.10
CLI without `[dev]`
pytest without `[testing]`
pytest from outside
port in use, bad port, misspelt option
second dev in the same folder
kill -9 of dev, restart
Ctrl-C: dev, pytest
Ctrl-C: relay --follow
syntax error while dev reloads
data folder is a file / a foreign cluster of root
token of an unknown person, header without Bearer, no content type, single quotes, snake_case body, trailing slash
token with another `--data`
layer without lock, Python, arch
import that no layer has
import gate
openapi --diff with no file / no JSON / no document
coldstart with a bad name""".splitlines(),
        1,
    )
)


class Case(NamedTuple):
    """One mistake of a row, with the words that its message must have."""

    row: int
    """A key of `ROWS`; 0 for a mistake of the same kind that is not in the table."""
    name: str
    what: str | None
    where: str | None
    do: str | None

    @property
    def marks(self) -> str:
        """One mark for each of the three: "+" or "-"."""
        return "".join("-" if words is None else "+" for words in (self.what, self.where, self.do))


def check(case: Case, message: str) -> None:
    """Assert that the message says everything that the case names."""
    said = " ".join(message.split())
    for words in (case.what, case.where, case.do):
        assert words is None or words in said, f"{words!r} is not in: {message}"


def ids(cases: Iterable[Case]) -> list[str]:
    """The names of the tests of these cases."""
    return [f"{case.row}-{case.name}" for case in cases]
