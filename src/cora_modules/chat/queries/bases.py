"""SQL of the knowledge bases of a chat."""

GET_BASES = """
select coalesce(jsonb_agg(jsonb_build_object('id', b.id, 'scope', b.scope, 'name', b.name) order by b.name, b.id), '[]')
  as items
from chat.chat_bases c join kb.live_bases b on b.org_id = c.org_id and b.id = c.base_id
where c.chat_id = %(chat_id)s
"""

# Those that the caller may not read stay: they are another editor's.
REMOVE_BASES = """
delete from chat.chat_bases c
where c.chat_id = %(chat_id)s and c.base_id <> all (%(base_ids)s::uuid[])
"""

# Returns how many of the wanted bases the caller may read.
ADD_BASES = """
with wanted as (
  select b.org_id, b.id from kb.live_bases b
  where b.id = any (%(base_ids)s::uuid[])
    and b.org_id = (select c.org_id from chat.live_chats c where c.id = %(chat_id)s)
    and (b.chat_id is null or b.chat_id = %(chat_id)s)
), added as (
  insert into chat.chat_bases (org_id, chat_id, base_id)
  select w.org_id, %(chat_id)s, w.id from wanted w on conflict do nothing
)
select count(*) from wanted
"""

CREATE_BASE = "select b.id, b.scope, b.name from chat.create_base(%(chat_id)s, %(name)s) b"
