-- A join with a set of ids from a function scanned all chats and bases of all organizations, because the planner expects
-- 1,000 rows of a function. `= any (array(select …))` uses the index: for 100,000 chats and bases, `chat.ids()` read
-- 2,186 blocks, and a read of documents, chunks and bases of chats 4,300 to 6,500.
create or replace function chat.ids(at_least app.chat_access default 'view') returns setof uuid
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    with spaces as materialized (select w.id from ws.ids() as w (id)),
    orgs as materialized (select o.id from access.org_ids() as o (id)),
    found as (
      select c.org_id, c.id, c.ws_id from chat.chats c where c.owner_id = app.uid() and c.deleted_at is null
      union
      select c.org_id, c.id, c.ws_id from chat.chat_members m
      join chat.chats c on c.org_id = m.org_id and c.id = m.chat_id
      where m.user_id = app.uid() and (at_least = 'view' or m.access = 'edit') and c.deleted_at is null
      union
      select c.org_id, c.id, c.ws_id from chat.chats c
      where c.ws_id = any (array(select s.id from spaces s))
        and at_least = 'view' and c.is_shared and c.deleted_at is null
    )
    select f.id from found f
    where case
      when f.ws_id is null then f.org_id in (select o.id from orgs o) else f.ws_id in (select s.id from spaces s)
    end and at_least is not null;
end
$$;

create or replace function kb.chat_bases_of_caller(for_writing boolean default false) returns setof uuid
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select b.id from kb.kb_bases b
    where b.scope = 'chat' and b.deleted_at is null and b.org_id = any (array(select access.org_ids()))
      and b.chat_id = any (array(select chat.ids(case when for_writing then 'edit' else 'view' end)));
end
$$;
