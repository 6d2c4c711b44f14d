-- Which modules a workspace uses. A module is on if the platform, the organization and the workspace all have it on.

create table ws.ws_plugins (
  org_id uuid not null,
  ws_id uuid not null,
  module text not null check (length(module) between 1 and 200),
  -- Null inherits what the organization has.
  enabled boolean,
  config jsonb not null default '{}' check (jsonb_typeof(config) = 'object' and length(config::text) <= 16000),
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, ws_id, module),
  foreign key (org_id, ws_id) references ws.workspaces on delete cascade
);
alter table ws.ws_plugins enable row level security, force row level security;
create trigger audit before insert or update on ws.ws_plugins for each row execute function app.audit();

grant select on ws.ws_plugins to authenticated;
create policy members_read on ws.ws_plugins for select to authenticated
  using (org_id = any (array(select access.org_ids())) and ws_id = any (array(select ws.ids())));
grant select, insert, update (enabled, config) on ws.ws_plugins to app_rules;
create policy rules_read on ws.ws_plugins for select to app_rules using (true);
create policy rules_create on ws.ws_plugins for insert to app_rules with check (true);
create policy rules_change on ws.ws_plugins for update to app_rules using (true) with check (true);

-- The modules that a workspace can use, whether the platform has them on, and what the organization has set: null
-- inherits. The module mgmt manages them; without it, there are these three. What is off for lack of another module is
-- off in the organization.
create function ws.find_modules(wanted_org_id uuid) returns table (
  module text, sys_enabled boolean, org_enabled boolean
)
  language plpgsql stable set search_path = ''
as $$
begin
  if to_regclass('mgmt.modules') is null then
    return query select m.name, true, null::boolean from unnest(array['ai', 'chat', 'kb']) as m (name);
  else
    return query
      select m.name, m.platform_enabled, case when m.decided_by = 'dependency' then false else m.enabled end
      from mgmt.resolve(wanted_org_id) m where m.kind = 'functional' and m.name <> 'ws';
  end if;
end
$$;
alter function ws.find_modules(uuid) owner to app_rules;

-- The plugins of a workspace, each with the level that decides: the first that has it off, or the last that has it on.
-- Settings of a module in the platform and in the organization are for their admins, and not here.
create function ws.plugins(ws_id uuid) returns table (
  module text, enabled boolean, enabled_from text, sys_enabled boolean, org_enabled boolean, ws_enabled boolean,
  config jsonb
)
  language plpgsql stable security definer set search_path = ''
as $$
begin
  perform app.require(app.has_ws_role(plugins.ws_id, 'ws_user'));
  return query
    select m.module,
      m.sys_enabled and coalesce(m.org_enabled, true) and coalesce(p.enabled, true),
      case
        when not m.sys_enabled then 'sys'
        when m.org_enabled is false then 'org'
        when p.enabled is not null then 'ws'
        when m.org_enabled is not null then 'org'
        else 'sys'
      end,
      m.sys_enabled, m.org_enabled, p.enabled, coalesce(p.config, '{}')
    from ws.workspaces w
    cross join lateral ws.find_modules(w.org_id) m
    left join ws.ws_plugins p on p.org_id = w.org_id and p.ws_id = w.id and p.module = m.module
    where w.id = plugins.ws_id;
end
$$;
alter function ws.plugins(uuid) owner to app_rules;
grant execute on function ws.plugins(uuid) to authenticated;

create function ws.set_plugin(ws_id uuid, module text, enabled boolean, config jsonb) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  in_ws ws.workspaces := ws.lock_workspace(ws_id, 'ws_admin');
  old ws.ws_plugins;
  parent record;
begin
  select m.* into parent from ws.find_modules(in_ws.org_id) m where m.module = set_plugin.module;
  perform app.require(case when found then true end);
  if set_plugin.enabled and not (parent.sys_enabled and coalesce(parent.org_enabled, true)) then
    raise exception 'parent_disabled' using errcode = 'OC409',
      detail = format('This module is off %s.', case when parent.sys_enabled then 'in the organization' else 'on the platform' end);
  end if;
  select p.* into old from ws.ws_plugins p
  where p.org_id = in_ws.org_id and p.ws_id = in_ws.id and p.module = set_plugin.module;
  insert into ws.ws_plugins as p (org_id, ws_id, module, enabled, config)
  values (in_ws.org_id, in_ws.id, set_plugin.module, set_plugin.enabled, set_plugin.config)
  on conflict on constraint ws_plugins_pkey do update set enabled = excluded.enabled, config = excluded.config;
  if old.enabled is distinct from set_plugin.enabled or coalesce(old.config, '{}') <> set_plugin.config then
    insert into ws.ws_activity (org_id, ws_id, event, actor_id, detail)
    values (
      in_ws.org_id, in_ws.id, 'plugin_changed', app.uid(),
      jsonb_build_object('module', set_plugin.module, 'from', old.enabled, 'to', set_plugin.enabled)
    );
  end if;
end
$$;
alter function ws.set_plugin(uuid, text, boolean, jsonb) owner to app_rules;
grant execute on function ws.set_plugin(uuid, text, boolean, jsonb) to authenticated;
