-- Chats of users, in a workspace or personal, with members and favorites.

create schema chat;
grant usage on schema chat to authenticated, app_rules;
-- The owner of a function needs CREATE on its schema.
grant create on schema chat to app_rules;

create domain app.chat_access as text check (value in ('view', 'edit'));
grant usage on domain app.chat_access to authenticated, app_rules;

-- Tables ----------------------------------------------------------------------------------------------------------

create table chat.chats (
  org_id uuid not null references access.orgs on delete cascade,
  id uuid not null default access.new_id(),
  -- Null for a personal chat.
  ws_id uuid,
  -- Null once the user is deleted.
  owner_id uuid references access.users on delete set null,
  title text not null check (length(title) between 1 and 200),
  -- Whether all members of the workspace see it.
  is_shared boolean not null default false,
  last_message_at timestamptz not null default now(),
  deleted_at timestamptz,
  deleted_by uuid,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, id),
  foreign key (org_id, ws_id) references ws.workspaces on delete cascade,
  constraint chats_shared check (ws_id is not null or not is_shared)
);
create index on chat.chats (id);
create index on chat.chats (owner_id);
create index on chat.chats (org_id, ws_id);
create index on chat.chats (ws_id, last_message_at, id) where deleted_at is null;
create index on chat.chats (owner_id, last_message_at, id) where ws_id is null and deleted_at is null;
create index on chat.chats (org_id, created_at, id);

create table chat.chat_members (
  org_id uuid not null,
  chat_id uuid not null,
  user_id uuid not null,
  access app.chat_access not null,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, chat_id, user_id),
  foreign key (org_id, chat_id) references chat.chats on delete cascade,
  foreign key (org_id, user_id) references access.org_members on delete cascade
);
create index on chat.chat_members (user_id, chat_id);
create index on chat.chat_members (org_id, user_id);
create index on chat.chat_members (chat_id, created_at, user_id);

create table chat.chat_favorites (
  org_id uuid not null,
  chat_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, chat_id, user_id),
  foreign key (org_id, chat_id) references chat.chats on delete cascade,
  foreign key (org_id, user_id) references access.org_members on delete cascade
);
create index on chat.chat_favorites (user_id, chat_id);
create index on chat.chat_favorites (org_id, user_id);

do $$
declare
  name text;
begin
  foreach name in array array['chats', 'chat_members', 'chat_favorites'] loop
    execute format('alter table chat.%I enable row level security, force row level security', name);
    execute format('create trigger audit before insert or update on chat.%I for each row execute function app.audit()', name);
  end loop;
end
$$;

-- What is not deleted. Policies ignore `deleted_at`: with it, a deletion would fail with 42501.
create view chat.live_chats with (security_invoker = true) as
  select c.org_id, c.id, c.ws_id, c.owner_id, c.title, c.is_shared, c.last_message_at, c.created_at, c.updated_at
  from chat.chats c where c.deleted_at is null;

-- Who may see a chat ------------------------------------------------------------------------------------------------

grant select, insert, update on chat.chats, chat.chat_members to app_rules;
grant delete on chat.chat_members, chat.chat_favorites to app_rules;
grant select on chat.chat_favorites to app_rules;
create policy rules_read on chat.chats for select to app_rules using (true);
create policy rules_change on chat.chats for update to app_rules using (true) with check (true);
create policy rules on chat.chat_members to app_rules using (true) with check (true);
create policy rules_read on chat.chat_favorites for select to app_rules using (true);
create policy rules_remove on chat.chat_favorites for delete to app_rules using (true);

-- Whether the caller has at least this access to the chat: its owner and members, and for a shared one the members of
-- its workspace. A chat of a workspace is for members of the workspace only. Null for a chat that the caller does not see.
create function app.has_chat_access(chat_id uuid, at_least app.chat_access) returns boolean
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select case when c.owner_id = app.uid() or m.access = 'edit' then at_least is not null else at_least = 'view' end
    from chat.chats c
    left join chat.chat_members m on m.org_id = c.org_id and m.chat_id = c.id and m.user_id = app.uid()
    where c.id = has_chat_access.chat_id and c.deleted_at is null
      and case
        when c.ws_id is null then app.has_org_role(c.org_id, 'org_user') else app.has_ws_role(c.ws_id, 'ws_user')
      end
      and (c.owner_id = app.uid() or m.user_id is not null or c.is_shared)
  );
end
$$;
alter function app.has_chat_access(uuid, app.chat_access) owner to app_rules;
grant execute on function app.has_chat_access(uuid, app.chat_access) to authenticated;

-- The chats of which the caller is a member, deleted ones and those of other workspaces included. For the policy of chats.
create function chat.member_ids() returns setof uuid
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return query select m.chat_id from chat.chat_members m where m.user_id = app.uid();
end
$$;
alter function chat.member_ids() owner to app_rules;
grant execute on function chat.member_ids() to authenticated;

-- The chats to which the caller has at least this access. For policies, like `ws.ids`: the set of what
-- `app.has_chat_access` allows, from three indexes.
create function chat.ids(at_least app.chat_access default 'view') returns setof uuid
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
      select c.org_id, c.id, c.ws_id from spaces s join chat.chats c on c.ws_id = s.id
      where at_least = 'view' and c.is_shared and c.deleted_at is null
    )
    select f.id from found f
    where case
      when f.ws_id is null then f.org_id in (select o.id from orgs o) else f.ws_id in (select s.id from spaces s)
    end and at_least is not null;
end
$$;
alter function chat.ids(app.chat_access) owner to app_rules;
grant execute on function chat.ids(app.chat_access) to authenticated;

-- Policies ----------------------------------------------------------------------------------------------------------

-- Not `chat.ids()`, so that a page of a workspace's chats does not evaluate the set of all chats of the caller.
grant select (org_id, id, ws_id, owner_id, title, is_shared, last_message_at, deleted_at, created_at, updated_at)
  on chat.chats to authenticated;
grant select on chat.live_chats to authenticated;
grant insert (org_id, ws_id, owner_id, title, is_shared) on chat.chats to authenticated;
grant update (title, is_shared) on chat.chats to authenticated;
create policy readers on chat.chats for select to authenticated using (
  org_id = any (array(select access.org_ids()))
  and case num_nulls(ws_id) when 1 then true else ws_id = any (array(select ws.ids())) end
  and (owner_id = (select app.uid()) or is_shared or id = any (array(select chat.member_ids())))
);
create policy owners_create on chat.chats for insert to authenticated with check (
  org_id = any (array(select access.org_ids())) and owner_id = (select app.uid())
  and case num_nulls(ws_id) when 1 then true else ws_id = any (array(select ws.ids())) end
);
create policy editors_change on chat.chats for update to authenticated
  using (org_id = any (array(select access.org_ids())) and id = any (array(select chat.ids('edit'))))
  with check (org_id = any (array(select access.org_ids())) and id = any (array(select chat.ids('edit'))));

grant select on chat.chat_members to authenticated;
create policy readers on chat.chat_members for select to authenticated
  using (org_id = any (array(select access.org_ids())) and chat_id = any (array(select chat.ids())));

grant select, delete on chat.chat_favorites to authenticated;
grant insert (org_id, chat_id, user_id) on chat.chat_favorites to authenticated;
create policy own_read on chat.chat_favorites for select to authenticated
  using (org_id = any (array(select access.org_ids())) and user_id = (select app.uid()));
create policy own_remove on chat.chat_favorites for delete to authenticated
  using (org_id = any (array(select access.org_ids())) and user_id = (select app.uid()));
create policy own_add on chat.chat_favorites for insert to authenticated with check (
  org_id = any (array(select access.org_ids())) and chat_id = any (array(select chat.ids()))
  and user_id = (select app.uid())
);

-- Changes -----------------------------------------------------------------------------------------------------------

-- Locks the chat until the transaction ends, and returns it if the caller still has this access.
create function chat.lock_chat(chat_id uuid, at_least app.chat_access) returns chat.chats
  language plpgsql volatile set search_path = ''
as $$
declare
  locked chat.chats;
begin
  select c.* into locked from chat.chats c
  where c.id = lock_chat.chat_id and c.deleted_at is null for no key update;
  -- The caller may have been deactivated while this waited.
  perform app.require(
    case when exists (select from access.users u where u.id = app.uid() and u.is_active)
      then app.has_chat_access(lock_chat.chat_id, at_least) end
  );
  return locked;
end
$$;
alter function chat.lock_chat(uuid, app.chat_access) owner to app_rules;

-- Deletes the chat. Its messages, members and favorites stay, and no read finds them.
create function chat.delete_chat(chat_id uuid) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  doomed chat.chats := chat.lock_chat(chat_id, 'edit');
begin
  update chat.chats c set deleted_at = now(), deleted_by = app.uid() where c.org_id = doomed.org_id and c.id = doomed.id;
end
$$;
alter function chat.delete_chat(uuid) owner to app_rules;
grant execute on function chat.delete_chat(uuid) to authenticated;

-- What an administrator of the organization learns of its chats: who has them, where and since when, and no message.
create function chat.org_chats(org_id uuid) returns table (
  id uuid, ws_id uuid, owner_id uuid, title text, is_shared boolean, last_message_at timestamptz,
  created_at timestamptz, deleted_at timestamptz
)
  language plpgsql stable security definer set search_path = ''
as $$
begin
  perform app.require(app.has_org_role(org_chats.org_id, 'org_admin'));
  return query
    select c.id, c.ws_id, c.owner_id, c.title, c.is_shared, c.last_message_at, c.created_at, c.deleted_at
    from chat.chats c where c.org_id = org_chats.org_id;
end
$$;
alter function chat.org_chats(uuid) owner to app_rules;
grant execute on function chat.org_chats(uuid) to authenticated;

create function chat.restore_chat(org_id uuid, chat_id uuid) returns void
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
  end if;
  update chat.chats c set deleted_at = null, deleted_by = null
  where c.org_id = found_chat.org_id and c.id = found_chat.id;
end
$$;
alter function chat.restore_chat(uuid, uuid) owner to app_rules;
grant execute on function chat.restore_chat(uuid, uuid) to authenticated;

-- Members -----------------------------------------------------------------------------------------------------------

-- Adds a member of the organization; for a chat of a workspace, a member of the workspace.
create function chat.add_member(chat_id uuid, user_id uuid, access app.chat_access) returns setof chat.chat_members
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  in_chat chat.chats := chat.lock_chat(chat_id, 'edit');
begin
  if not exists (
    select from access.org_members m join access.users u on u.id = m.user_id and u.is_active
    where m.org_id = in_chat.org_id and m.user_id = add_member.user_id
  ) or in_chat.ws_id is not null and not exists (
    select from ws.live_members m
    where m.org_id = in_chat.org_id and m.ws_id = in_chat.ws_id and m.user_id = add_member.user_id
  ) then
    raise exception 'broken_reference' using errcode = 'OC409', detail = case
      when in_chat.ws_id is null then 'No active member of the organization has this id.'
      else 'No active member of the workspace has this id.'
    end;
  elsif in_chat.owner_id = add_member.user_id or exists (
    select from chat.chat_members m
    where m.org_id = in_chat.org_id and m.chat_id = in_chat.id and m.user_id = add_member.user_id
  ) then
    raise exception 'already_member' using errcode = 'OC409', detail = 'This user is a member already.';
  elsif (
    select count(*) from chat.chat_members m where m.org_id = in_chat.org_id and m.chat_id = in_chat.id
  ) >= 200 then
    raise exception 'too_many_members' using errcode = 'OC409', detail = 'A chat has at most 200 members.';
  end if;
  return query
    insert into chat.chat_members as m (org_id, chat_id, user_id, access)
    values (in_chat.org_id, in_chat.id, add_member.user_id, add_member.access) returning m.*;
end
$$;
alter function chat.add_member(uuid, uuid, app.chat_access) owner to app_rules;
grant execute on function chat.add_member(uuid, uuid, app.chat_access) to authenticated;

-- Removes a member with their favorite. Members may remove themselves.
create function chat.remove_member(chat_id uuid, user_id uuid) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  in_chat chat.chats := chat.lock_chat(
    chat_id, case when remove_member.user_id = app.uid() then 'view' else 'edit' end
  );
begin
  delete from chat.chat_members m
  where m.org_id = in_chat.org_id and m.chat_id = in_chat.id and m.user_id = remove_member.user_id;
  perform app.require(case when found then true end);
  delete from chat.chat_favorites f
  where f.org_id = in_chat.org_id and f.chat_id = in_chat.id and f.user_id = remove_member.user_id;
end
$$;
alter function chat.remove_member(uuid, uuid) owner to app_rules;
grant execute on function chat.remove_member(uuid, uuid) to authenticated;
