"""Mistakes in grants, policies and access rules: the terminal of `org-common dev` says what, where and what to do."""

from pathlib import Path

import pytest

from org_common.tools.database.local import LocalDatabase
from tests.mistakes.desk import HEAD, Sent, reads, send, writes
from tests.mistakes.graded import Case, check, ids

pytestmark = pytest.mark.db

LINE = HEAD.count("\n") + 3
HERE = f"desk.py:{LINE} list_tickets"
WRITE = f"desk.py:{LINE} add_ticket"
LIST = 'db.all(Ticket, "select id, subject from desk.tickets")'
INSERT = 'tx.run("insert into desk.tickets (subject) values (%(subject)s)", body, rows=1)'
RETURNING = 'tx.one(Ticket, "insert into desk.tickets (subject) values (%(subject)s) returning id, subject", body)'
NO_POLICY = "drop policy everything on desk.tickets; "
VIOLATED = 'new row violates row-level security policy for table "tickets"'
IN_RULE = "this SQL is the access rule of the route, `allow=`"

SENT = [
    reads(
        Case(42, "table", "permission denied for table tickets", HERE, "grant select on desk.tickets to authenticated"),
        LIST,
        "revoke all on desk.tickets from authenticated",
        status=403,
    ),
    writes(
        Case(42, "insert", "permission denied for table tickets", WRITE, "grant insert on desk.tickets to"),
        INSERT,
        "revoke insert on desk.tickets from authenticated",
        status=403,
    ),
    writes(
        Case(
            *(42, "column", "permission denied for table tickets", WRITE),
            "A grant on columns must name each one that the statement uses",
        ),
        INSERT,
        "revoke insert on desk.tickets from authenticated; grant insert (priority) on desk.tickets to authenticated",
        status=403,
    ),
    writes(
        Case(42, "update", "permission denied for table tickets", WRITE, "grant update on desk.tickets to"),
        "tx.run(\"update desk.tickets set subject = 'x'\", rows=None)",
        "revoke update on desk.tickets from authenticated",
        status=403,
    ),
    writes(
        Case(42, "delete", "permission denied for table tickets", WRITE, "grant delete on desk.tickets to"),
        'tx.run("delete from desk.tickets where id = 1", rows=None)',
        "revoke delete on desk.tickets from authenticated",
        status=403,
    ),
    reads(
        Case(42, "schema", "permission denied for schema desk", HERE, "grant usage on schema desk to authenticated"),
        LIST,
        "revoke usage on schema desk from authenticated",
        status=403,
    ),
    writes(
        Case(
            42, "sequence", "permission denied for sequence numbers", WRITE, "grant usage on sequence desk.numbers to"
        ),
        "tx.value(\"select nextval('desk.numbers')\")",
        "create sequence desk.numbers",
        status=403,
    ),
    reads(
        Case(
            *(43, "rule", "permission denied for function may", "select app.require(desk.may())"),
            f"{IN_RULE}; grant execute on function desk.may to authenticated",
        ),
        LIST,
        "create function desk.may() returns boolean language sql as 'select true';"
        "revoke all on function desk.may() from public",
        allow='Check("desk.may()")',
        status=403,
    ),
    writes(
        Case(44, "returning", VIOLATED, WRITE, "With RETURNING the row must pass a policy for select as well"),
        RETURNING,
        NO_POLICY + "create policy add on desk.tickets for insert to authenticated with check (true)",
        status=403,
    ),
    writes(
        Case(0, "check is false", VIOLATED, WRITE, "a policy for insert on desk.tickets must accept the new row"),
        INSERT,
        NO_POLICY + "create policy add on desk.tickets for insert to authenticated with check (false)",
        status=403,
    ),
    writes(
        Case(0, "on conflict", VIOLATED, WRITE, "With ON CONFLICT it must pass the policies for select and update"),
        f"{INSERT[:-16]} on conflict (id) do update set subject = 'x'\", body, rows=1)",
        NO_POLICY + "create policy add on desk.tickets for insert to authenticated with check (true)",
        status=403,
    ),
    writes(
        Case(0, "update", VIOLATED, WRITE, "a policy for update on desk.tickets must accept the new row"),
        "tx.run(\"update desk.tickets set subject = 'x'\", rows=None)",
        NO_POLICY + "create policy edit on desk.tickets to authenticated using (true) with check (subject <> 'x')",
        status=403,
    ),
    reads(
        Case(49, "recursion", 'detected in policy for relation "tickets"', HERE, "into a `security definer` function"),
        LIST,
        NO_POLICY + "create policy own on desk.tickets to authenticated using (exists (select from desk.tickets))",
    ),
    writes(
        Case(
            *(50, "trigger", 'null value in column "created_at"', "table: desk.tickets"),
            "create trigger audit before insert or update on desk.tickets for each row execute function app.audit()",
        ),
        INSERT,
        "alter table desk.tickets add created_at timestamptz default now(); alter table desk.tickets alter created_at "
        "set not null; alter table desk.tickets alter created_at drop default",
    ),
    writes(
        Case(0, "not null", 'null value in column "due"', WRITE, "write due, or give it a default in a migration"),
        INSERT,
        "delete from desk.tickets; alter table desk.tickets alter due set not null",
    ),
    reads(
        Case(
            *(51, "role", "value for domain app.org_role violates check", "select app.require(app.has_org_role("),
            f'{IN_RULE}; correct the role; OrgCheck("org_user")',
        ),
        LIST,
        allow="Check(\"app.has_org_role(app.uid(), 'org_usr')\")",
    ),
    reads(
        Case(
            52, "function", "function app.has_rol() does not exist", "app.require(app.has_rol())", f"{IN_RULE}; correct"
        ),
        LIST,
        allow='Check("app.has_rol()")',
    ),
    reads(
        Case(
            52,
            "syntax",
            "syntax error at end of input",
            "app.require(app.has_org_role()",
            f"{IN_RULE}; correct the SQL",
        ),
        LIST,
        allow='Check("app.has_org_role(")',
    ),
    reads(
        Case(
            *(53, "find_user", "function app.find_user(text, text) does not exist", "app.identify(boolean) line"),
            "create the function app.find_user in a migration",
        ),
        LIST,
        "alter function app.find_user(text, text) rename to find_user_",
    ),
]
CASES = [sent.case for sent in SENT]


@pytest.mark.parametrize("sent", SENT, ids=ids(CASES))
def test_message_says_what_where_and_what_to_do(
    sent: Sent, desk_database: LocalDatabase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = send(sent, desk_database, tmp_path)

    message = capsys.readouterr().err
    print(message)
    assert answer.status == sent.status, message
    check(sent.case, message)
