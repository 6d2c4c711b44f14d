"""SQL of workspaces, favorites and activity."""

_COLUMNS = """
       w.org_id, w.description, w.color, w.icon, w.tags, w.status, w.retention_days, w.created_at, w.updated_at,
"""
_MINE = """
       me.ws_role as my_role,
       exists (
         select from ws.ws_favorites f where f.org_id = w.org_id and f.ws_id = w.id and f.user_id = me.user_id
       ) as is_favorite,
       ws.member_count(w.id) as member_count
"""
_SELECT_WORKSPACE = "select w.id, w.name," + _COLUMNS + _MINE
_JOIN_MY_MEMBERSHIP = """
join ws.live_members me on me.org_id = w.org_id and me.ws_id = w.id and me.user_id = (select app.uid())
"""

# Name and id of the membership, and not of the joined workspace: the page is then one range of an index.
LIST_WORKSPACES = (
    "select me.ws_id as id, me.ws_name as name,"
    + _COLUMNS
    + _MINE
    + "from ws.live_workspaces w"
    + _JOIN_MY_MEMBERSHIP
    + "where me.org_id = %(org_id)s"
)

GET_WORKSPACE = _SELECT_WORKSPACE + "from ws.live_workspaces w" + _JOIN_MY_MEMBERSHIP + "where w.id = %(ws_id)s"

# The new workspace has one member, the caller. Both are constants here: the membership that the function inserts is
# not visible in the snapshot of this statement.
CREATE_WORKSPACE = (
    "select w.id, w.name,"
    + _COLUMNS
    + """
  'ws_owner' as my_role, false as is_favorite, 1 as member_count
from ws.create_workspace(
  %(org_id)s, %(name)s, %(description)s, %(color)s, %(icon)s, %(tags)s, %(retention_days)s
) w
"""
)

UPDATE_WORKSPACE = (
    """
with changed as (
  update ws.workspaces w
  set (name, description, color, icon, tags, status, retention_days) = (
    select p.name, p.description, p.color, p.icon, p.tags, p.status, p.retention_days
    from jsonb_populate_record(w, %(patch)s) p
  )
  where w.id = %(ws_id)s and w.deleted_at is null
  returning *
)
"""
    + _SELECT_WORKSPACE
    + "from changed w"
    + _JOIN_MY_MEMBERSHIP
)

DELETE_WORKSPACE = "select ws.delete_workspace(%(ws_id)s)"

LIST_DELETED_WORKSPACES = """
select d.id, d.name, d.description, d.color, d.icon, d.deleted_at, d.deleted_by, d.restorable_until
from ws.deleted_workspaces(%(org_id)s) d
"""

RESTORE_WORKSPACE = "select ws.restore_workspace(%(ws_id)s)"

TRANSFER_WORKSPACE = "select ws.transfer(%(ws_id)s, %(user_id)s)"

ADD_FAVORITE = """
insert into ws.ws_favorites (org_id, ws_id, user_id)
select w.org_id, w.id, app.uid() from ws.live_workspaces w where w.id = %(ws_id)s
on conflict do nothing
"""

REMOVE_FAVORITE = "delete from ws.ws_favorites where ws_id = %(ws_id)s and user_id = (select app.uid())"

# The organization as a sub-select, which is evaluated first: the page is then one range of an index.
LIST_ACTIVITY = """
select a.id, a.event, a.actor_id, a.detail, a.created_at
from ws.ws_activity a
where a.org_id = (select w.org_id from ws.live_workspaces w where w.id = %(ws_id)s) and a.ws_id = %(ws_id)s
"""
