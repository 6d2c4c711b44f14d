-- Changes by the platform's administrators: the role and state of users, and the verification of domains.

grant update (sys_role, is_active) on access.users to app_rules;
grant update (verified_at) on access.org_email_domains to app_rules;
create policy rules_change on access.org_email_domains for update to app_rules using (true) with check (true);
create index on access.org_email_domains (id);

-- Both keys of the patch are optional. Only owners change roles, and no caller changes a user above their own role.
create function access.update_user(user_id uuid, patch jsonb) returns table (
  id uuid, email text, full_name text, avatar_url text, sys_role text, is_active boolean,
  created_at timestamptz, updated_at timestamptz
)
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  old access.users;
  new_role app.sys_role;
  new_active boolean;
begin
  perform access.lock_sys_owners();
  perform app.require(app.has_sys_role('sys_admin'));
  select u.* into old from access.users u where u.id = update_user.user_id for update;
  perform app.require(case when found then app.has_sys_role(old.sys_role) end);
  new_role := coalesce(patch ->> 'sys_role', old.sys_role);
  new_active := coalesce((patch ->> 'is_active')::boolean, old.is_active);
  if new_role <> old.sys_role then
    perform app.require(app.has_sys_role('sys_owner'));
    perform access.log_event(old.id, 'sys_role_changed', jsonb_build_object('from', old.sys_role, 'to', new_role));
  end if;
  if new_active <> old.is_active then
    perform access.log_event(old.id, case when new_active then 'activated' else 'deactivated' end);
    update access.user_sessions s set ended_at = now() where s.user_id = old.id and s.ended_at is null;
    update access.invites i set status = 'revoked' where i.invited_by = old.id and i.status = 'pending';
  end if;
  if old.sys_role = 'sys_owner' and old.is_active and not (new_role = 'sys_owner' and new_active) and not exists (
    select from access.users u where u.sys_role = 'sys_owner' and u.is_active and u.id <> old.id
  ) then
    raise exception 'last_sys_owner' using errcode = 'OC409',
      detail = 'The platform needs an owner. Make another user an owner first.';
  end if;
  return query
    update access.users as u set sys_role = new_role, is_active = new_active where u.id = old.id
    returning u.id, u.email, u.full_name, u.avatar_url, u.sys_role::text, u.is_active, u.created_at, u.updated_at;
end
$$;
alter function access.update_user(uuid, jsonb) owner to app_rules;
grant execute on function access.update_user(uuid, jsonb) to app_sys;

-- Reserves the domain for this organization. With `auto_provision` it admits users from then on.
create function access.verify_domain(domain_id uuid) returns setof access.org_email_domains
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform app.require(app.has_sys_role('sys_admin'));
  return query
    update access.org_email_domains as d set verified_at = coalesce(d.verified_at, now())
    where d.id = verify_domain.domain_id
    returning d.*;
end
$$;
alter function access.verify_domain(uuid) owner to app_rules;
grant execute on function access.verify_domain(uuid) to app_sys;
