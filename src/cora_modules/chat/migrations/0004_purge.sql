-- Purging deleted chats that are past their retention.

alter table chat.chats add column purge_at timestamptz;
create index on chat.chats (purge_at, id) where purge_at is not null;

-- Sets when a deleted chat is purged: after the retention of its workspace, by default that of the platform.
create function chat.set_purge_at() returns trigger
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  new.purge_at := case when new.deleted_at is not null then ws.purge_at((
    select w.retention_days from ws.workspaces w where w.org_id = new.org_id and w.id = new.ws_id
  )) end;
  return new;
end
$$;
alter function chat.set_purge_at() owner to app_rules;
create trigger retention before update of deleted_at on chat.chats
  for each row execute function chat.set_purge_at();

-- What was deleted before this migration. Forced row-level security applies to the migrator too.
create policy retention on chat.chats to current_user using (true) with check (true);
update chat.chats set deleted_at = deleted_at where deleted_at is not null;
drop policy retention on chat.chats;

create or replace function chat.restore_chat(org_id uuid, chat_id uuid) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  found_chat chat.chats;
begin
  perform app.require(app.has_org_role(restore_chat.org_id, 'org_admin'));
  select c.* into found_chat from chat.chats c
  where c.org_id = restore_chat.org_id and c.id = restore_chat.chat_id for no key update;
  perform app.require(case when found then app.has_org_role(restore_chat.org_id, 'org_admin') end);
  if found_chat.deleted_at is null then
    raise exception 'not_deleted' using errcode = 'OC409', detail = 'This chat is not deleted.';
  elsif found_chat.purge_at <= clock_timestamp() then
    raise exception 'retention_over' using errcode = 'OC410',
      detail = 'This chat was deleted too long ago to be restored.';
  end if;
  update chat.chats c set deleted_at = null, deleted_by = null
  where c.org_id = found_chat.org_id and c.id = found_chat.id;
end
$$;

grant delete on chat.chats, chat.messages, chat.chat_bases to app_rules;
create policy rules_remove on chat.chats for delete to app_rules using (true);
create policy rules_remove on chat.messages for delete to app_rules using (true);
create policy rules_remove on chat.chat_bases for delete to app_rules using (true);

-- Deletes at most `budget` rows of a chat with its own bases, the chat last. Returns how many.
create function chat.purge_chat(org_id uuid, chat_id uuid, budget integer) returns integer
  language plpgsql volatile set search_path = ''
as $$
declare
  left_over integer := budget;
  deleted integer;
  base_id uuid;
begin
  -- The newest first: an answer goes before its question, which would be cleared in it.
  delete from chat.messages m where (m.org_id, m.id) in (
    select x.org_id, x.id from chat.messages x
    where x.org_id = purge_chat.org_id and x.chat_id = purge_chat.chat_id
    order by x.created_at desc, x.id desc limit left_over
  );
  get diagnostics deleted = row_count;
  left_over := left_over - deleted;
  while left_over > 0 loop
    select b.id into base_id from kb.kb_bases b
    where b.org_id = purge_chat.org_id and b.chat_id = purge_chat.chat_id limit 1;
    exit when not found;
    left_over := left_over - kb.purge_base(purge_chat.org_id, base_id, left_over);
  end loop;
  if left_over > 0 then
    -- With at most 200 members, their favorites, and 20 bases that it is grounded on.
    delete from chat.chats c where c.org_id = purge_chat.org_id and c.id = purge_chat.chat_id;
    left_over := left_over - 1;
  end if;
  return budget - left_over;
end
$$;
alter function chat.purge_chat(uuid, uuid, integer) owner to app_rules;

-- Deletes at most this many rows of what is past its retention, and returns how many: 0 when nothing is left. Each call
-- is a transaction of its own, so a purge that stops continues with the next one. Chats of a workspace that is past its
-- own retention go first: the workspace would delete all of them in one statement.
create function chat.purge(batch integer default 500) returns integer
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  budget integer := batch;
  expired record;
begin
  -- A second purge leaves the rows to the first. That of the bases deletes what this one does.
  if not pg_try_advisory_xact_lock(hashtextextended('kb.purge', 3)) then
    return 0;
  end if;
  while budget > 0 loop
    select f.org_id, f.id into expired from (
      select c.org_id, c.id from chat.chats c where c.purge_at < now()
      union all
      select c.org_id, c.id from ws.workspaces w join chat.chats c on c.org_id = w.org_id and c.ws_id = w.id
      where w.purge_at < now()
    ) f limit 1;
    exit when not found;
    budget := budget - chat.purge_chat(expired.org_id, expired.id, budget);
  end loop;
  return batch - budget;
end
$$;
alter function chat.purge(integer) owner to app_rules;
grant usage on schema chat to app_service;
grant execute on function chat.purge(integer) to app_service;
