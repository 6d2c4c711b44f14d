-- The modules of the platform, and what each organization has decided about them.

create schema mgmt;
grant usage on schema mgmt to authenticated, app_sys, app_rules, app_service;
-- The owner of a function needs CREATE on its schema.
grant create on schema mgmt to app_rules;

-- Tables ----------------------------------------------------------------------------------------------------------

-- A migration adds a module together with its code. Requests change `is_enabled` and `config`.
create table mgmt.modules (
  name text primary key check (name ~ '^[a-z][a-z0-9-]*$' and length(name) <= 63),
  kind text not null check (kind in ('core', 'functional')),
  version text not null,
  is_enabled boolean not null default true check (is_enabled or kind = 'functional'),
  config jsonb not null default '{}' check (jsonb_typeof(config) = 'object' and length(config::text) <= 16000),
  -- The names of modules without which this one does not work.
  dependencies text[] not null default '{}' check (name <> all (dependencies)),
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid
);

create table mgmt.modules_org (
  org_id uuid not null references access.orgs on delete cascade,
  module text not null references mgmt.modules on delete cascade,
  -- Null inherits the platform's value.
  enabled boolean,
  config jsonb not null default '{}' check (jsonb_typeof(config) = 'object' and length(config::text) <= 16000),
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, module)
);
create index on mgmt.modules_org (module);

alter table mgmt.modules enable row level security, force row level security;
alter table mgmt.modules_org enable row level security, force row level security;
create trigger audit before insert or update on mgmt.modules for each row execute function app.audit();
create trigger audit before insert or update on mgmt.modules_org for each row execute function app.audit();

-- Every user may know which modules exist. The platform's `config` is for its administrators: no grant.
grant select (name, kind, version, is_enabled, dependencies) on mgmt.modules to authenticated;
create policy signed_in on mgmt.modules for select to authenticated using ((select app.uid()) is not null);
grant select on mgmt.modules to app_sys;
create policy sys on mgmt.modules for select to app_sys using (true);
grant select on mgmt.modules_org to authenticated;
create policy admins_read on mgmt.modules_org for select to authenticated
  using (org_id = any (array(select access.org_ids('org_admin'))));

-- Changes check rows other than their own, under a lock: functions of app_rules make them.
grant select on mgmt.modules, mgmt.modules_org to app_rules;
grant update (is_enabled, config) on mgmt.modules to app_rules;
grant insert (org_id, module, enabled, config), update (enabled, config) on mgmt.modules_org to app_rules;
create policy rules_read on mgmt.modules for select to app_rules using (true);
create policy rules_change on mgmt.modules for update to app_rules using (true);
create policy rules on mgmt.modules_org to app_rules using (true) with check (true);

-- The migrator adds modules. Forced row-level security applies to it too.
create policy operator on mgmt.modules to current_user using (true) with check (true);
insert into mgmt.modules (name, kind, version, dependencies) values
  ('access', 'core', '1.0', '{}'),
  ('mgmt', 'core', '1.0', '{access}'),
  ('ws', 'functional', '1.0', '{access}'),
  ('ai', 'functional', '1.0', '{access}'),
  ('kb', 'functional', '1.0', '{ws,ai}'),
  ('chat', 'functional', '1.0', '{ws,ai}');

-- Resolution --------------------------------------------------------------------------------------------------------

-- What each module is in an organization: on if the platform and the organization have it on, and all its dependencies
-- are on there. Runs as its caller, who sees the organization's own rows as its admin.
create function mgmt.resolve(for_org_id uuid) returns table (
  name text, kind text, version text, dependencies text[], platform_enabled boolean, enabled boolean,
  is_enabled boolean, decided_by text, config jsonb
)
  language sql stable
begin atomic
  with recursive own as (
    select m.name, m.kind, m.version, m.dependencies, m.is_enabled as platform_enabled, o.enabled,
      coalesce(o.config, '{}') as config
    from mgmt.modules m left join mgmt.modules_org o on o.org_id = for_org_id and o.module = m.name
  ), off (name) as (
    select o.name from own o where not (o.platform_enabled and coalesce(o.enabled, true))
    union
    select o.name from own o join off on off.name = any (o.dependencies)
  )
  select o.name, o.kind, o.version, o.dependencies, o.platform_enabled, o.enabled, off.name is null,
    case
      when not o.platform_enabled then 'platform'
      when not coalesce(o.enabled, true) then 'organization'
      when off.name is not null then 'dependency'
      when o.enabled then 'organization'
      else 'platform'
    end,
    o.config
  from own o left join off on off.name = o.name;
end;
grant execute on function mgmt.resolve(uuid) to authenticated, app_rules;

-- The same for other modules: a member of the organization learns what is on, without its configuration.
create function mgmt.org_modules(for_org_id uuid) returns table (
  name text, platform_enabled boolean, enabled boolean, is_enabled boolean, decided_by text
)
  language plpgsql stable security definer set search_path = ''
as $$
begin
  perform app.require(app.has_org_role(for_org_id, 'org_user'));
  return query select r.name, r.platform_enabled, r.enabled, r.is_enabled, r.decided_by from mgmt.resolve(for_org_id) r;
end
$$;
alter function mgmt.org_modules(uuid) owner to app_rules;
grant execute on function mgmt.org_modules(uuid) to authenticated;

-- Changes -----------------------------------------------------------------------------------------------------------

create function mgmt.merge_config(config jsonb, patch jsonb) returns jsonb
  language plpgsql immutable set search_path = ''
as $$
declare
  merged jsonb;
begin
  -- Before the merge, whose work grows with the patch.
  if length((patch -> 'config')::text) <= 16000 then
    merged := app.merge_patch(config, patch -> 'config');
  end if;
  if not patch ? 'config' then
    return config;
  elsif coalesce(length(merged::text), 16001) > 16000 then
    raise exception 'config_too_large' using errcode = 'OC422',
      detail = 'The configuration has more than 16,000 characters as JSON.';
  end if;
  return merged;
end
$$;
alter function mgmt.merge_config(jsonb, jsonb) owner to app_rules;

create function mgmt.refuse(code text, detail text) returns void
  language plpgsql immutable set search_path = ''
as $$
begin
  raise exception '%', code using errcode = 'OC409', detail = refuse.detail;
end
$$;
alter function mgmt.refuse(text, text) owner to app_rules;

-- Both keys of the patch are optional.
create function mgmt.update_module(module text, patch jsonb) returns setof mgmt.modules
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  old mgmt.modules;
  turned_on boolean;
  others text;
begin
  perform app.require(app.has_sys_role('sys_admin'));
  -- A dependency is a condition on two rows: changes wait for each other.
  perform pg_advisory_xact_lock(hashtextextended('mgmt.modules', 0));
  select m.* into old from mgmt.modules m where m.name = update_module.module;
  perform app.require(case when found then true end);
  turned_on := coalesce((patch ->> 'is_enabled')::boolean, old.is_enabled);
  if not turned_on and old.kind = 'core' then
    perform mgmt.refuse('core_module', 'A core module stays on.');
  elsif not turned_on then
    select string_agg(m.name, ', ' order by m.name) into others
    from mgmt.modules m where m.is_enabled and old.name = any (m.dependencies);
    if others is not null then
      perform mgmt.refuse('module_needed', format('These modules need it: %s. Turn them off first.', others));
    end if;
  elsif not old.is_enabled then
    select string_agg(needed, ', ' order by needed) into others from unnest(old.dependencies) needed
    where not exists (select from mgmt.modules m where m.name = needed and m.is_enabled);
    if others is not null then
      perform mgmt.refuse('dependency_off', format('It needs these modules: %s. Turn them on first.', others));
    end if;
  end if;
  return query
    update mgmt.modules m set is_enabled = turned_on, config = mgmt.merge_config(m.config, patch)
    where m.name = old.name returning m.*;
end
$$;
alter function mgmt.update_module(text, jsonb) owner to app_rules;
grant execute on function mgmt.update_module(text, jsonb) to app_sys;

-- Both keys of the patch are optional; `enabled` may be null.
create function mgmt.update_org_module(for_org_id uuid, module text, patch jsonb) returns table (
  name text, kind text, version text, dependencies text[], platform_enabled boolean, enabled boolean,
  is_enabled boolean, decided_by text, config jsonb
)
  language plpgsql volatile security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  old record;
  wanted boolean;
  others text;
begin
  perform app.require(app.has_org_role(for_org_id, 'org_admin'));
  -- Changes of one organization wait for each other, and for those of the platform.
  perform pg_advisory_xact_lock_shared(hashtextextended('mgmt.modules', 0));
  perform pg_advisory_xact_lock(hashtextextended('mgmt.modules ' || for_org_id, 0));
  select r.* into old from mgmt.resolve(for_org_id) r where r.name = update_org_module.module;
  perform app.require(case when found then true end);
  wanted := case when patch ? 'enabled' then (patch ->> 'enabled')::boolean else old.enabled end;
  if wanted and not old.platform_enabled and patch ? 'enabled' then
    perform mgmt.refuse('module_off', 'The platform has this module off.');
  elsif not wanted and old.kind = 'core' then
    perform mgmt.refuse('core_module', 'A core module stays on.');
  elsif not wanted and old.is_enabled then
    select string_agg(r.name, ', ' order by r.name) into others
    from mgmt.resolve(for_org_id) r where r.is_enabled and old.name = any (r.dependencies);
    if others is not null then
      perform mgmt.refuse('module_needed', format('These modules need it: %s. Turn them off first.', others));
    end if;
  elsif coalesce(wanted, true) and not coalesce(old.enabled, true) then
    select string_agg(r.name, ', ' order by r.name) into others
    from mgmt.resolve(for_org_id) r where not r.is_enabled and r.name = any (old.dependencies);
    if others is not null then
      perform mgmt.refuse('dependency_off', format('It needs these modules: %s. Turn them on first.', others));
    end if;
  end if;
  insert into mgmt.modules_org as o (org_id, module, enabled, config)
  values (for_org_id, old.name, wanted, mgmt.merge_config('{}', patch))
  on conflict (org_id, module) do update
    set enabled = excluded.enabled, config = mgmt.merge_config(o.config, patch);
  return query select r.* from mgmt.resolve(for_org_id) r where r.name = old.name;
end
$$;
alter function mgmt.update_org_module(uuid, text, jsonb) owner to app_rules;
grant execute on function mgmt.update_org_module(uuid, text, jsonb) to authenticated;
