"""SQL of chats, favorites and members."""

_COLUMNS = """
select c.id, c.org_id, c.ws_id, c.title, c.is_shared, c.owner_id, c.last_message_at, c.created_at, c.updated_at,
"""
_MINE = """
  case when c.owner_id = (select app.uid()) then 'owner' else coalesce((
    select m.access::text from chat.chat_members m
    where m.org_id = c.org_id and m.chat_id = c.id and m.user_id = (select app.uid())
  ), 'view') end as my_access,
  exists (
    select from chat.chat_favorites f
    where f.org_id = c.org_id and f.chat_id = c.id and f.user_id = (select app.uid())
  ) as is_favorite
"""
_FILTER = """
and case %(filter)s
  when 'mine' then c.owner_id = (select app.uid())
  when 'shared' then c.owner_id is distinct from (select app.uid())
  else true
end
"""

LIST_OF_WORKSPACE = _COLUMNS + _MINE + "from chat.live_chats c where c.ws_id = %(ws_id)s" + _FILTER

LIST_PERSONAL = _COLUMNS + _MINE + "from chat.live_chats c where c.ws_id is null" + _FILTER

GET_CHAT = _COLUMNS + _MINE + "from chat.live_chats c where c.id = %(chat_id)s"

# The subqueries would not find the new chat: they read the snapshot of this statement.
_NEW = """
returning c.id, c.org_id, c.ws_id, c.title, c.is_shared, c.owner_id, c.last_message_at, c.created_at, c.updated_at,
  'owner' as my_access, false as is_favorite
"""

CREATE_IN_WORKSPACE = (
    """
insert into chat.chats as c (org_id, ws_id, owner_id, title, is_shared)
select w.org_id, w.id, app.uid(), %(title)s, %(is_shared)s from ws.live_workspaces w where w.id = %(ws_id)s
"""
    + _NEW
)

CREATE_PERSONAL = (
    """
insert into chat.chats as c (org_id, owner_id, title)
select o.id, app.uid(), %(title)s from access.org_ids() as o (id) where o.id = %(org_id)s
"""
    + _NEW
)

UPDATE_CHAT = (
    """
with c as (
  update chat.chats c set (title, is_shared) = (
    select p.title, p.is_shared from jsonb_populate_record(null::chat.chats, jsonb_build_object(
      'title', c.title, 'is_shared', c.is_shared
    ) || %(patch)s) p
  )
  where c.id = %(chat_id)s and c.deleted_at is null
  returning c.id, c.org_id, c.ws_id, c.title, c.is_shared, c.owner_id, c.last_message_at, c.created_at, c.updated_at
)
"""
    + _COLUMNS
    + _MINE
    + "from c"
)

DELETE_CHAT = "select chat.delete_chat(%(chat_id)s)"

LIST_OF_ORG = """
select c.id, c.ws_id, c.owner_id, c.title, c.is_shared, c.last_message_at, c.created_at, c.deleted_at
from chat.org_chats(%(org_id)s) c
"""

GET_OF_ORG = LIST_OF_ORG + "where c.id = %(chat_id)s"

RESTORE_CHAT = "select chat.restore_chat(%(org_id)s, %(chat_id)s)"

ADD_FAVORITE = """
insert into chat.chat_favorites (org_id, chat_id, user_id)
select c.org_id, c.id, app.uid() from chat.live_chats c where c.id = %(chat_id)s
on conflict do nothing
"""

REMOVE_FAVORITE = "delete from chat.chat_favorites where chat_id = %(chat_id)s and user_id = (select app.uid())"

# The id of the membership, and not that of the joined user: the page is then one range of an index.
_SELECT_MEMBER = """
select m.user_id as id, u.email, u.full_name, u.avatar_url, m.access, m.created_at
"""
_JOIN_USER = """
join access.users u on u.id = m.user_id
"""

LIST_MEMBERS = _SELECT_MEMBER + "from chat.chat_members m" + _JOIN_USER + "where m.chat_id = %(chat_id)s"

ADD_MEMBER = _SELECT_MEMBER + "from chat.add_member(%(chat_id)s, %(user_id)s, %(access)s) m" + _JOIN_USER

REMOVE_MEMBER = "select chat.remove_member(%(chat_id)s, %(user_id)s)"
