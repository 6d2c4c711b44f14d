-- The knowledge bases that a chat is grounded on: those that its editors chose, and one of its own.

alter table kb.kb_bases add foreign key (org_id, chat_id) references chat.chats on delete cascade;
create index on kb.kb_bases (org_id, chat_id);

create table chat.chat_bases (
  org_id uuid not null,
  chat_id uuid not null,
  base_id uuid not null,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, chat_id, base_id),
  foreign key (org_id, chat_id) references chat.chats on delete cascade,
  foreign key (org_id, base_id) references kb.kb_bases on delete cascade
);
create index on chat.chat_bases (org_id, base_id);
alter table chat.chat_bases enable row level security, force row level security;
create trigger audit before insert or update on chat.chat_bases for each row execute function app.audit();

-- Those who see the chat see which bases it has, and of these only the ones that they may read.
grant select, delete on chat.chat_bases to authenticated;
grant insert (org_id, chat_id, base_id) on chat.chat_bases to authenticated;
create policy readers on chat.chat_bases for select to authenticated using (
  org_id = any (array(select access.org_ids())) and chat_id = any (array(select chat.ids()))
  and base_id = any (array(select kb.readable_bases()))
);
create policy editors_add on chat.chat_bases for insert to authenticated with check (
  org_id = any (array(select access.org_ids())) and chat_id = any (array(select chat.ids('edit')))
  and base_id = any (array(select kb.readable_bases()))
);
create policy editors_remove on chat.chat_bases for delete to authenticated
  using (org_id = any (array(select access.org_ids())) and chat_id = any (array(select chat.ids('edit'))));

-- The bases of chats that the caller sees, or edits. The module kb asks.
create or replace function kb.chat_bases_of_caller(for_writing boolean default false) returns setof uuid
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select b.id from kb.kb_bases b
    where b.scope = 'chat' and b.deleted_at is null
      and b.chat_id in (select chat.ids(case when for_writing then 'edit' else 'view' end));
end
$$;

-- Creates a base for the documents of one chat, and grounds the chat on it.
grant insert (org_id, scope, chat_id, name) on kb.kb_bases to app_rules;
create policy rules_create on kb.kb_bases for insert to app_rules with check (scope = 'chat');
grant insert (org_id, chat_id, base_id) on chat.chat_bases to app_rules;
grant select on chat.chat_bases to app_rules;
create policy rules_read on chat.chat_bases for select to app_rules using (true);
create policy rules_create on chat.chat_bases for insert to app_rules with check (true);

create function chat.create_base(chat_id uuid, name text) returns setof kb.kb_bases
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  in_chat chat.chats := chat.lock_chat(chat_id, 'edit');
  new_base kb.kb_bases;
begin
  if (
    select count(*) from chat.chat_bases b where b.org_id = in_chat.org_id and b.chat_id = in_chat.id
  ) >= 20 then
    raise exception 'too_many_bases' using errcode = 'OC409', detail = 'A chat has at most 20 knowledge bases.';
  end if;
  insert into kb.kb_bases as b (org_id, scope, chat_id, name)
  values (in_chat.org_id, 'chat', in_chat.id, create_base.name) returning b.* into new_base;
  insert into chat.chat_bases (org_id, chat_id, base_id) values (in_chat.org_id, in_chat.id, new_base.id);
  return next new_base;
end
$$;
alter function chat.create_base(uuid, text) owner to app_rules;
grant execute on function chat.create_base(uuid, text) to authenticated;
