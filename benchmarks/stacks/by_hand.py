"""The SQL of the stacks without an SDK: become the caller in a transaction, and read."""

CLAIMS = "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)"
IDENTIFY = "select set_config('request.jwt.claims', app.identify(true), true)"
GET_ORG = """
select o.id, o.name, o.slug, o.description, o.logo_url, o.website_url, o.app_name, o.app_icon,
       m.org_role as my_role,
       (select count(*) from access.org_members c where c.org_id = o.id) as member_count,
       o.created_at, o.updated_at
from access.orgs o join access.org_members m on m.org_id = o.id and m.user_id = (select app.uid())
where o.id = %s
"""


def claims_of(event):
    return event["requestContext"]["authorizer"]["lambda"]["claims"]


def read(connection, claims, org_id):
    """One row as a mapping, read in the caller's transaction."""
    connection.execute(CLAIMS, [claims])
    connection.execute(IDENTIFY)
    return connection.execute(GET_ORG, [org_id]).fetchone()
