-- What happened in a workspace. Triggers write it, and no statement changes it.

create table ws.ws_activity (
  org_id uuid not null,
  id uuid not null default access.new_id(),
  ws_id uuid not null,
  event text not null check (event in (
    'created', 'updated', 'deleted', 'restored', 'member_added', 'member_removed', 'role_changed', 'plugin_changed'
  )),
  -- The caller; null for the platform itself.
  actor_id uuid,
  detail jsonb not null default '{}',
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, id),
  foreign key (org_id, ws_id) references ws.workspaces on delete cascade
);
create index on ws.ws_activity (org_id, ws_id, created_at, id);
alter table ws.ws_activity enable row level security, force row level security;
create trigger audit before insert or update on ws.ws_activity for each row execute function app.audit();

create function ws.append_only() returns trigger
  language plpgsql volatile set search_path = ''
as $$
begin
  raise exception 'the activity of a workspace is append only' using errcode = '42501';
end
$$;
create trigger append_only before update on ws.ws_activity for each row execute function ws.append_only();

grant select on ws.ws_activity to authenticated;
create policy members_read on ws.ws_activity for select to authenticated
  using (org_id = any (array(select access.org_ids())) and ws_id = any (array(select ws.ids())));
grant insert on ws.ws_activity to app_rules;
create policy rules_write on ws.ws_activity for insert to app_rules with check (true);

create function ws.log_workspace() returns trigger
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  event text := case
    when tg_op = 'INSERT' then 'created'
    when old.deleted_at is null and new.deleted_at is not null then 'deleted'
    when old.deleted_at is not null and new.deleted_at is null then 'restored'
    else 'updated'
  end;
  -- The names of the changed columns, without the audit's.
  changed jsonb := (
    select jsonb_agg(n.key order by n.key) from jsonb_each(to_jsonb(new)) n
    where n.key <> all (array['updated_at', 'updated_by']) and n.value is distinct from to_jsonb(old) -> n.key
  );
begin
  if event = 'updated' and changed is null then
    return null;
  end if;
  insert into ws.ws_activity (org_id, ws_id, event, actor_id, detail)
  values (
    new.org_id, new.id, event, app.uid(),
    case when event = 'updated' then jsonb_build_object('fields', changed) else '{}' end
  );
  return null;
end
$$;
alter function ws.log_workspace() owner to app_rules;
create trigger activity after insert or update on ws.workspaces for each row execute function ws.log_workspace();

create function ws.log_member() returns trigger
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  was_member boolean := tg_op <> 'INSERT' and old.deleted_at is null;
  is_member boolean := tg_op <> 'DELETE' and new.deleted_at is null;
  about ws.ws_members := coalesce(new, old);
  event text := case
    when is_member and not was_member then 'member_added'
    when was_member and not is_member then 'member_removed'
    when is_member and new.ws_role <> old.ws_role then 'role_changed'
  end;
begin
  -- The deletion of a workspace, its restoration and its purge are one event each.
  if event is null or coalesce(new.deleted_with_ws, false) or coalesce(old.deleted_with_ws, false)
    or not exists (
      select from ws.workspaces w where w.org_id = about.org_id and w.id = about.ws_id and w.deleted_at is null
    )
  then
    return null;
  end if;
  insert into ws.ws_activity (org_id, ws_id, event, actor_id, detail)
  values (
    about.org_id, about.ws_id, event, app.uid(),
    jsonb_build_object('user_id', about.user_id) || case
      when event = 'member_added' then jsonb_build_object('role', new.ws_role)
      when event = 'role_changed' then jsonb_build_object('from', old.ws_role, 'to', new.ws_role)
      else '{}'
    end
  );
  return null;
end
$$;
alter function ws.log_member() owner to app_rules;
create trigger activity after insert or update or delete on ws.ws_members
  for each row execute function ws.log_member();
