"""The SQL of the three routes, in addition to `by_hand.GET_ORG`."""

from psycopg import sql

LIST_WORKSPACES = """
select w.id, w.org_id, w.name, w.description, w.color, w.icon, w.tags, w.status, w.retention_days,
       w.created_at, w.updated_at,
       me.ws_role as my_role,
       exists (
         select from ws.ws_favorites f where f.org_id = w.org_id and f.ws_id = w.id and f.user_id = me.user_id
       ) as is_favorite,
       ws.member_count(w.id) as member_count
from ws.live_workspaces w
join ws.live_members me on me.org_id = w.org_id and me.ws_id = w.id and me.user_id = (select app.uid())
where me.org_id = %(org_id)s
  and (%(id)s::uuid is null or (me.ws_name, me.ws_id) > (%(name)s, %(id)s))
order by me.ws_name, me.ws_id
limit %(limit)s
"""


def update_org(changes):
    """The statement that sets these columns, which are fields of the patch."""
    columns = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in changes]
    return sql.SQL("update access.orgs set {} where id = %(org_id)s").format(sql.SQL(", ").join(columns))
