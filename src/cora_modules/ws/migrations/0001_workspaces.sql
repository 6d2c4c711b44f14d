-- Workspaces of an organization, their members and favorites, and the settings that limit them.

create schema ws;
grant usage on schema ws to authenticated, app_sys, app_rules, app_service;
-- The owner of a function needs CREATE on its schema.
grant create on schema ws to app_rules;

create domain app.ws_role as text check (value in ('ws_user', 'ws_admin', 'ws_owner'));
grant usage on domain app.ws_role to authenticated, app_sys, app_rules, app_service;

-- Tables ----------------------------------------------------------------------------------------------------------

-- The platform's settings: one row.
create table ws.ws_config_sys (
  only_row boolean primary key default true check (only_row),
  label_singular text not null default 'Workspace' check (length(label_singular) between 1 and 200),
  label_plural text not null default 'Workspaces' check (length(label_plural) between 1 and 200),
  default_color text not null default '#3B82F6' check (default_color ~ '^#[0-9A-F]{6}$'),
  default_icon text check (length(default_icon) between 1 and 200),
  -- The upper limit of `ws_config_org.max_workspaces_per_user`.
  max_workspaces_per_user integer not null default 100 check (max_workspaces_per_user between 1 and 10000),
  max_members_per_workspace integer not null default 1000 check (max_members_per_workspace between 1 and 10000),
  -- How long deleted rows can be restored, unless the workspace has a value of its own.
  retention_days integer not null default 30 check (retention_days between 1 and 365),
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid
);

-- An organization without a row has the defaults.
create table ws.ws_config_org (
  org_id uuid primary key references access.orgs on delete cascade,
  -- Whether members below `org_admin` may create workspaces.
  allow_user_creation boolean not null default true,
  -- How many workspaces a user may own; null for the platform's limit.
  max_workspaces_per_user integer check (max_workspaces_per_user between 1 and 10000),
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid
);

create table ws.workspaces (
  org_id uuid not null references access.orgs on delete cascade,
  id uuid not null default access.new_id(),
  name text not null check (length(name) between 1 and 200),
  description text check (length(description) <= 2000),
  color text not null check (color ~ '^#[0-9A-F]{6}$'),
  icon text check (length(icon) between 1 and 200),
  tags text[] not null default '{}'
    check (cardinality(tags) <= 20 and array_position(tags, null) is null and length(array_to_string(tags, '')) <= 1000),
  status text not null default 'active' check (status in ('active', 'archived')),
  retention_days integer check (retention_days between 1 and 365),
  deleted_at timestamptz,
  deleted_by uuid,
  -- When a deleted workspace can be purged and no longer restored. Fixed by the deletion.
  purge_at timestamptz,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, id),
  check ((deleted_at is null) = (purge_at is null))
);
create unique index workspaces_name on ws.workspaces (org_id, name) where deleted_at is null;
create index on ws.workspaces (id);
create index on ws.workspaces (purge_at, id) where purge_at is not null;

-- A member of a workspace is a member of its organization.
create table ws.ws_members (
  org_id uuid not null,
  ws_id uuid not null,
  user_id uuid not null,
  ws_role app.ws_role not null,
  -- A copy of the workspace's name, by trigger: a page of a user's workspaces by name is then one range of an index.
  ws_name text not null,
  added_at timestamptz not null default now(),
  added_by uuid,
  deleted_at timestamptz,
  deleted_by uuid,
  -- Removed by the deletion of the workspace, and restored with it.
  deleted_with_ws boolean not null default false,
  -- Null for a member and for those who were removed with the workspace.
  purge_at timestamptz,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, ws_id, user_id),
  foreign key (org_id, ws_id) references ws.workspaces on delete cascade,
  foreign key (org_id, user_id) references access.org_members on delete cascade,
  check ((deleted_at is null) = (purge_at is null and not deleted_with_ws))
);
create index on ws.ws_members (ws_id, user_id);
create index on ws.ws_members (user_id, org_id);
create index on ws.ws_members (user_id, org_id, ws_name, ws_id) where deleted_at is null;
create index on ws.ws_members (ws_id, added_at, user_id) where deleted_at is null;
create index on ws.ws_members (purge_at) where purge_at is not null;

create table ws.ws_favorites (
  org_id uuid not null,
  ws_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, ws_id, user_id),
  foreign key (org_id, ws_id, user_id) references ws.ws_members on delete cascade
);

do $$
declare
  name text;
begin
  foreach name in array array['ws_config_sys', 'ws_config_org', 'workspaces', 'ws_members', 'ws_favorites'] loop
    execute format('alter table ws.%I enable row level security, force row level security', name);
    execute format('create trigger audit before insert or update on ws.%I for each row execute function app.audit()', name);
  end loop;
end
$$;

create function ws.copy_name() returns trigger
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  -- All functions that add members have locked the workspace.
  new.ws_name := (select w.name from ws.workspaces w where w.org_id = new.org_id and w.id = new.ws_id);
  return new;
end
$$;
alter function ws.copy_name() owner to app_rules;
create trigger name before insert on ws.ws_members for each row execute function ws.copy_name();

create function ws.copy_name_to_members() returns trigger
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  update ws.ws_members m set ws_name = new.name where m.org_id = new.org_id and m.ws_id = new.id;
  return null;
end
$$;
alter function ws.copy_name_to_members() owner to app_rules;
create trigger name after update of name on ws.workspaces for each row
  when (new.name <> old.name) execute function ws.copy_name_to_members();

-- Forced row-level security applies to the table's owner too.
create policy operator on ws.ws_config_sys to current_user using (only_row) with check (only_row);
insert into ws.ws_config_sys default values;

-- What is not deleted. Policies ignore `deleted_at`: with it, a deletion would fail with 42501.
create view ws.live_workspaces with (security_invoker = true) as
  select w.org_id, w.id, w.name, w.description, w.color, w.icon, w.tags, w.status, w.retention_days,
         w.created_at, w.created_by, w.updated_at, w.updated_by
  from ws.workspaces w where w.deleted_at is null;
create view ws.live_members with (security_invoker = true) as
  select m.org_id, m.ws_id, m.user_id, m.ws_role, m.ws_name, m.added_at, m.added_by
  from ws.ws_members m where m.deleted_at is null;

-- The caller's role -------------------------------------------------------------------------------------------------

-- Functions of app_rules create, delete and restore workspaces and change members.
grant select on ws.ws_config_sys, ws.ws_config_org, ws.live_workspaces, ws.live_members to app_rules;
create policy rules on ws.ws_config_sys for select to app_rules using (true);
create policy rules on ws.ws_config_org for select to app_rules using (true);
grant select, insert, update on ws.workspaces, ws.ws_members to app_rules;
create policy rules_read on ws.workspaces for select to app_rules using (true);
create policy rules_create on ws.workspaces for insert to app_rules with check (true);
create policy rules_change on ws.workspaces for update to app_rules using (true) with check (true);
create policy rules_read on ws.ws_members for select to app_rules using (true);
create policy rules_create on ws.ws_members for insert to app_rules with check (true);
create policy rules_change on ws.ws_members for update to app_rules using (true) with check (true);

-- Whether the caller has at least this role in the workspace. Null for a non-member and for a deleted workspace.
create function app.has_ws_role(ws_id uuid, at_least app.ws_role) returns boolean
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select app.role_rank(m.ws_role) >= app.role_rank(at_least) from ws.ws_members m
    where m.ws_id = has_ws_role.ws_id and m.user_id = app.uid() and m.deleted_at is null
  );
end
$$;
alter function app.has_ws_role(uuid, app.ws_role) owner to app_rules;
grant execute on function app.has_ws_role(uuid, app.ws_role) to authenticated;

-- The same for the members of a workspace and, if it is deleted, for those who were members until then.
create function app.had_ws_role(ws_id uuid, at_least app.ws_role) returns boolean
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select app.role_rank(m.ws_role) >= app.role_rank(at_least) from ws.ws_members m
    where m.ws_id = had_ws_role.ws_id and m.user_id = app.uid() and (m.deleted_at is null or m.deleted_with_ws)
  );
end
$$;
alter function app.had_ws_role(uuid, app.ws_role) owner to app_rules;
grant execute on function app.had_ws_role(uuid, app.ws_role) to authenticated;

-- The workspaces in which the caller has at least this role. For policies, like `access.org_ids`.
create function ws.ids(at_least app.ws_role default 'ws_user') returns setof uuid
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select m.ws_id from ws.ws_members m
    where m.user_id = app.uid() and m.deleted_at is null and app.role_rank(m.ws_role) >= app.role_rank(at_least);
end
$$;
alter function ws.ids(app.ws_role) owner to app_rules;
grant execute on function ws.ids(app.ws_role) to authenticated;

-- The number of members of a workspace of the caller, null for another one. The policies would look at each member.
create function ws.member_count(ws_id uuid) returns bigint
  language plpgsql stable security definer set search_path = ''
as $$
begin
  if app.has_ws_role(member_count.ws_id, 'ws_user') then
    return (select count(*) from ws.ws_members m where m.ws_id = member_count.ws_id and m.deleted_at is null);
  end if;
  return null;
end
$$;
alter function ws.member_count(uuid) owner to app_rules;
grant execute on function ws.member_count(uuid) to authenticated;

-- Policies of tenants -----------------------------------------------------------------------------------------------

-- The caller's own memberships come first: for these, the set of all their workspaces is never evaluated. A CASE: the
-- planner takes an OR apart for two index scans, which evaluates the set and sorts all memberships for one page (1,000
-- workspaces: 9.3 instead of 0.6 ms).
grant select on ws.ws_members, ws.live_members to authenticated;
create policy members_read on ws.ws_members for select to authenticated using (
  org_id = any (array(select access.org_ids()))
  and case when user_id = (select app.uid()) then true else ws_id = any (array(select ws.ids())) end
);

-- The membership of the row's workspace instead of the set: a page of 10 costs the same for members of 10 workspaces
-- and of 1,000.
grant select on ws.workspaces, ws.live_workspaces to authenticated;
grant update (name, description, color, icon, tags, status, retention_days) on ws.workspaces to authenticated;
create policy members_read on ws.workspaces for select to authenticated using (
  org_id = any (array(select access.org_ids()))
  and exists (
    select from ws.live_members m where m.org_id = workspaces.org_id and m.ws_id = id and m.user_id = (select app.uid())
  )
);
create policy admins_change on ws.workspaces for update to authenticated
  using (
    org_id = any (array(select access.org_ids()))
    and id = any (array(select ws.ids('ws_admin')))
  )
  with check (
    org_id = any (array(select access.org_ids()))
    and id = any (array(select ws.ids('ws_admin')))
  );

grant select, delete on ws.ws_favorites to authenticated;
grant insert (org_id, ws_id, user_id) on ws.ws_favorites to authenticated;
create policy own_read on ws.ws_favorites for select to authenticated
  using (org_id = any (array(select access.org_ids())) and user_id = (select app.uid()));
create policy own_remove on ws.ws_favorites for delete to authenticated
  using (org_id = any (array(select access.org_ids())) and user_id = (select app.uid()));
create policy own_add on ws.ws_favorites for insert to authenticated with check (
  org_id = any (array(select access.org_ids())) and ws_id = any (array(select ws.ids()))
  and user_id = (select app.uid())
);

-- Settings: the organization's admins, and the platform's ---------------------------------------------------------

grant select on ws.ws_config_org to authenticated;
grant insert (org_id, allow_user_creation, max_workspaces_per_user) on ws.ws_config_org to authenticated;
grant update (allow_user_creation, max_workspaces_per_user) on ws.ws_config_org to authenticated;
create policy admins_read on ws.ws_config_org for select to authenticated
  using (org_id = any (array(select access.org_ids('org_admin'))));
create policy admins_add on ws.ws_config_org for insert to authenticated
  with check (org_id = any (array(select access.org_ids('org_admin'))));
create policy admins_change on ws.ws_config_org for update to authenticated
  using (org_id = any (array(select access.org_ids('org_admin'))))
  with check (org_id = any (array(select access.org_ids('org_admin'))));

grant select on ws.ws_config_sys to app_sys;
grant update (
  label_singular, label_plural, default_color, default_icon, max_workspaces_per_user, max_members_per_workspace,
  retention_days
) on ws.ws_config_sys to app_sys;
create policy admins_read on ws.ws_config_sys for select to app_sys using ((select app.has_sys_role('sys_admin')));
create policy admins_change on ws.ws_config_sys for update to app_sys
  using ((select app.has_sys_role('sys_admin'))) with check ((select app.has_sys_role('sys_admin')));

-- How many workspaces a user may own, as organization and platform limit it. For the functions of app_rules.
create function ws.owned_limit(org_id uuid) returns integer
  language plpgsql stable set search_path = ''
as $$
begin
  return (
    select least(s.max_workspaces_per_user, (
      select o.max_workspaces_per_user from ws.ws_config_org o where o.org_id = owned_limit.org_id
    )) from ws.ws_config_sys s
  );
end
$$;
alter function ws.owned_limit(uuid) owner to app_rules;

-- The settings of an organization, with the defaults where it has set none.
create function ws.org_config(org_id uuid) returns table (
  allow_user_creation boolean, max_workspaces_per_user integer, effective_max_workspaces_per_user integer
)
  language plpgsql stable security definer set search_path = ''
as $$
begin
  perform app.require(app.has_org_role(org_config.org_id, 'org_admin'));
  return query
    select coalesce(o.allow_user_creation, true), o.max_workspaces_per_user, ws.owned_limit(org_config.org_id)
    from (values (org_config.org_id)) as wanted (org_id) left join ws.ws_config_org o on o.org_id = wanted.org_id;
end
$$;
alter function ws.org_config(uuid) owner to app_rules;
grant execute on function ws.org_config(uuid) to authenticated;
