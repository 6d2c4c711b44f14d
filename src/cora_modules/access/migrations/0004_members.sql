-- Adding, changing and removing members. Changes to one organization run one at a time, so that the last owner stays.

create index on access.org_members (org_id, created_at, user_id);

grant update (org_role), delete on access.org_members to app_rules;
create policy rules_change on access.org_members for update to app_rules using (true) with check (true);
create policy rules_remove on access.org_members for delete to app_rules using (true);

-- Raises unless the organization has an owner other than this user who can sign in.
create function access.require_other_owner(org_id uuid, user_id uuid) returns void
  language plpgsql stable set search_path = ''
as $$
begin
  if not exists (
    select from access.org_members m join access.users u on u.id = m.user_id and u.is_active
    where m.org_id = require_other_owner.org_id and m.org_role = 'org_owner'
      and m.user_id <> require_other_owner.user_id
  ) then
    raise exception 'last_owner' using errcode = 'OC409',
      detail = 'An organization needs an owner. Make another member an owner first.';
  end if;
end
$$;
alter function access.require_other_owner(uuid, uuid) owner to app_rules;

create function access.add_member(org_id uuid, user_id uuid, role app.org_role) returns setof access.org_members
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  -- Admins cannot grant a role above their own.
  perform app.require(app.rung(access.lock_org(org_id, 'org_admin')) >= app.rung(role));
  -- A user that the caller cannot see counts as absent. Such users are invited instead.
  if not exists (
    select from access.users u
    where u.id = add_member.user_id and u.is_active and u.id in (select access.colleague_ids())
  ) then
    raise exception 'broken_reference' using errcode = 'OC409',
      detail = 'No user with this id shares an organization with you. Invite them by e-mail.';
  end if;
  perform access.revoke_invites_to(org_id, user_id);
  return query
    insert into access.org_members as m (org_id, user_id, org_role, added_by)
    values (add_member.org_id, add_member.user_id, add_member.role, app.uid())
    returning m.*;
end
$$;
alter function access.add_member(uuid, uuid, app.org_role) owner to app_rules;
grant execute on function access.add_member(uuid, uuid, app.org_role) to authenticated;

create function access.change_member(org_id uuid, user_id uuid, role app.org_role) returns setof access.org_members
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  caller_rank integer := app.rung(access.lock_org(org_id, 'org_admin'));
  old_role app.org_role := (
    select m.org_role from access.org_members m
    where m.org_id = change_member.org_id and m.user_id = change_member.user_id
  );
  -- A patch without a role keeps the current one.
  new_role app.org_role := coalesce(role, old_role);
begin
  -- Admins can neither grant nor remove a role above their own.
  perform app.require(
    case when old_role is not null then caller_rank >= app.rung(old_role) and caller_rank >= app.rung(new_role) end
  );
  if old_role = 'org_owner' and new_role <> 'org_owner' then
    perform access.require_other_owner(org_id, user_id);
  end if;
  perform access.revoke_invites_of(org_id, user_id, new_role);
  return query
    update access.org_members as m set org_role = new_role
    where m.org_id = change_member.org_id and m.user_id = change_member.user_id
    returning m.*;
end
$$;
alter function access.change_member(uuid, uuid, app.org_role) owner to app_rules;
grant execute on function access.change_member(uuid, uuid, app.org_role) to authenticated;

-- Removes a member. Members may remove themselves.
create function access.remove_member(org_id uuid, user_id uuid) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  is_me boolean := user_id = app.uid();
  caller_rank integer := app.rung(access.lock_org(org_id, case when is_me then 'org_user' else 'org_admin' end));
  old_role text := (
    select m.org_role from access.org_members m
    where m.org_id = remove_member.org_id and m.user_id = remove_member.user_id
  );
begin
  perform app.require(case when old_role is not null then caller_rank >= app.rung(old_role) end);
  if old_role = 'org_owner' then
    perform access.require_other_owner(org_id, user_id);
  end if;
  perform access.revoke_invites_of(org_id, user_id, null);
  delete from access.org_members m where m.org_id = remove_member.org_id and m.user_id = remove_member.user_id;
end
$$;
alter function access.remove_member(uuid, uuid) owner to app_rules;
grant execute on function access.remove_member(uuid, uuid) to authenticated;
