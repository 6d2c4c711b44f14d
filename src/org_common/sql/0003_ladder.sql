-- The ladders of roles. Each has one type and one order, which policies and access rules share.

create domain app.sys_role as text check (value in ('sys_user', 'sys_admin', 'sys_owner'));
create domain app.org_role as text check (value in ('org_user', 'org_admin', 'org_owner'));
grant usage on domain app.sys_role, app.org_role to anon, authenticated, app_sys, app_rules, app_service;

-- The rank of a role in its ladder, null for an unknown role. A CASE, because policies evaluate it once per membership.
create function app.rung(role text) returns integer
  language sql immutable
  return case role
    when 'org_user' then 1 when 'org_admin' then 2 when 'org_owner' then 3
    when 'ws_user' then 1 when 'ws_admin' then 2 when 'ws_owner' then 3
    when 'sys_user' then 1 when 'sys_admin' then 2 when 'sys_owner' then 3
  end;
grant execute on function app.rung(text) to anon, authenticated, app_sys, app_rules, app_service;

-- The next two return the role of the caller, or null for none. A module replaces them with look-ups in its own tables
-- (`create or replace`).
create function app.find_sys_role() returns text
  language plpgsql stable set search_path = ''
as $$
begin
  raise exception 'app.find_sys_role() is not defined: a migration must return the caller''s role on the platform'
    using errcode = '0A000', hint = 'create or replace function app.find_sys_role() returns text …';
end
$$;
alter function app.find_sys_role() owner to app_rules;

create function app.find_org_role(wanted_org_id uuid) returns text
  language plpgsql stable set search_path = ''
as $$
begin
  raise exception 'app.find_org_role(wanted_org_id) is not defined: a migration must return the caller''s role in an organization'
    using errcode = '0A000', hint = 'create or replace function app.find_org_role(wanted_org_id uuid) returns text …';
end
$$;
alter function app.find_org_role(uuid) owner to app_rules;

-- Whether the caller has at least this role in the organization. Null for a non-member, who may not learn of it.
-- A ladder of your own (`Ladder` in Python) has the same three parts: a type of its roles, a function that finds the
-- caller's role, and one that compares it, `security definer` and executable by authenticated.
create function app.has_org_role(org_id uuid, at_least app.org_role) returns boolean
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return app.rung(app.find_org_role(org_id)) >= app.rung(at_least);
end
$$;
alter function app.has_org_role(uuid, app.org_role) owner to app_rules;
grant execute on function app.has_org_role(uuid, app.org_role) to authenticated;

-- Whether the caller has at least this role on the platform. False for none: the existence of sys routes is public.
create function app.has_sys_role(at_least app.sys_role) returns boolean
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return coalesce(app.rung(app.find_sys_role()) >= app.rung(at_least), false);
end
$$;
alter function app.has_sys_role(app.sys_role) owner to app_rules;
grant execute on function app.has_sys_role(app.sys_role) to authenticated, app_sys;
