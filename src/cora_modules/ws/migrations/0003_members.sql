-- Adding, changing and removing members of a workspace, and its transfer.

grant delete on ws.ws_favorites to app_rules;
grant select (org_id, ws_id, user_id) on ws.ws_favorites to app_rules;
create policy rules_read on ws.ws_favorites for select to app_rules using (true);
create policy rules_remove on ws.ws_favorites for delete to app_rules using (true);

-- The role of a member, null for none. For the functions of app_rules.
create function ws.role_of(org_id uuid, ws_id uuid, user_id uuid) returns app.ws_role
  language plpgsql stable set search_path = ''
as $$
begin
  return (
    select m.ws_role from ws.ws_members m
    where m.org_id = role_of.org_id and m.ws_id = role_of.ws_id and m.user_id = role_of.user_id
      and m.deleted_at is null
  );
end
$$;
alter function ws.role_of(uuid, uuid, uuid) owner to app_rules;

create function ws.require_other_owner(org_id uuid, ws_id uuid, user_id uuid) returns void
  language plpgsql stable set search_path = ''
as $$
begin
  if not ws.has_other_owner(require_other_owner.org_id, require_other_owner.ws_id, require_other_owner.user_id) then
    raise exception 'last_owner' using errcode = 'OC409',
      detail = 'A workspace needs an owner. Make another member an owner first.';
  end if;
end
$$;
alter function ws.require_other_owner(uuid, uuid, uuid) owner to app_rules;

-- Adds a member of the organization. A former member of the workspace is a member again.
create function ws.add_member(ws_id uuid, user_id uuid, role app.ws_role) returns setof ws.ws_members
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  is_active boolean;
  in_ws ws.workspaces;
begin
  perform app.require(app.has_ws_role(add_member.ws_id, 'ws_admin'));
  is_active := ws.lock_org_member(ws.org_of(add_member.ws_id), add_member.user_id, owning => role = 'ws_owner');
  in_ws := ws.lock_workspace(add_member.ws_id, 'ws_admin');
  -- No caller grants a role above their own.
  perform app.require(app.has_ws_role(in_ws.id, add_member.role));
  if not is_active then
    raise exception 'broken_reference' using errcode = 'OC409',
      detail = 'No active member of the organization has this id.';
  elsif ws.role_of(in_ws.org_id, in_ws.id, add_member.user_id) is not null then
    raise exception 'already_member' using errcode = 'OC409', detail = 'This user is a member already.';
  elsif (
    select count(*) from ws.ws_members m
    where m.org_id = in_ws.org_id and m.ws_id = in_ws.id and m.deleted_at is null
  ) >= (select s.max_members_per_workspace from ws.ws_config_sys s) then
    raise exception 'too_many_members' using errcode = 'OC409', detail = 'This workspace has no room for more members.';
  end if;
  if role = 'ws_owner' then
    perform ws.require_room(in_ws.org_id, add_member.user_id);
  end if;
  return query
    insert into ws.ws_members as m (org_id, ws_id, user_id, ws_role, added_by)
    values (in_ws.org_id, in_ws.id, add_member.user_id, add_member.role, app.uid())
    on conflict on constraint ws_members_pkey do update
    set ws_role = excluded.ws_role, added_at = now(), added_by = excluded.added_by,
      deleted_at = null, deleted_by = null, purge_at = null
    returning m.*;
end
$$;
alter function ws.add_member(uuid, uuid, app.ws_role) owner to app_rules;
grant execute on function ws.add_member(uuid, uuid, app.ws_role) to authenticated;

create function ws.change_member(ws_id uuid, user_id uuid, role app.ws_role) returns setof ws.ws_members
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  in_ws ws.workspaces;
  old_role app.ws_role;
  new_role app.ws_role;
begin
  perform app.require(app.has_ws_role(change_member.ws_id, 'ws_admin'));
  if role = 'ws_owner' then
    perform ws.lock_org_member(ws.org_of(change_member.ws_id), change_member.user_id, owning => true);
  end if;
  in_ws := ws.lock_workspace(change_member.ws_id, 'ws_admin');
  old_role := ws.role_of(in_ws.org_id, in_ws.id, change_member.user_id);
  -- A patch without a role keeps the current one.
  new_role := coalesce(role, old_role);
  -- Admins can neither grant nor remove a role above their own.
  perform app.require(
    case when old_role is not null then app.has_ws_role(in_ws.id, old_role) and app.has_ws_role(in_ws.id, new_role) end
  );
  if old_role = 'ws_owner' and new_role <> 'ws_owner' then
    perform ws.require_other_owner(in_ws.org_id, in_ws.id, change_member.user_id);
  elsif new_role = 'ws_owner' and old_role <> 'ws_owner' then
    perform ws.require_room(in_ws.org_id, change_member.user_id);
  end if;
  return query
    update ws.ws_members as m set ws_role = new_role
    where m.org_id = in_ws.org_id and m.ws_id = in_ws.id and m.user_id = change_member.user_id
    returning m.*;
end
$$;
alter function ws.change_member(uuid, uuid, app.ws_role) owner to app_rules;
grant execute on function ws.change_member(uuid, uuid, app.ws_role) to authenticated;

-- Removes a member with their favorite. Members may remove themselves.
create function ws.remove_member(ws_id uuid, user_id uuid) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  in_ws ws.workspaces := ws.lock_workspace(
    ws_id, case when remove_member.user_id = app.uid() then 'ws_user' else 'ws_admin' end
  );
  old_role app.ws_role := ws.role_of(in_ws.org_id, in_ws.id, remove_member.user_id);
begin
  perform app.require(case when old_role is not null then app.has_ws_role(in_ws.id, old_role) end);
  if old_role = 'ws_owner' then
    perform ws.require_other_owner(in_ws.org_id, in_ws.id, remove_member.user_id);
  end if;
  delete from ws.ws_favorites f
  where f.org_id = in_ws.org_id and f.ws_id = in_ws.id and f.user_id = remove_member.user_id;
  update ws.ws_members m
  set deleted_at = now(), deleted_by = app.uid(), purge_at = ws.purge_at(in_ws.retention_days)
  where m.org_id = in_ws.org_id and m.ws_id = in_ws.id and m.user_id = remove_member.user_id;
end
$$;
alter function ws.remove_member(uuid, uuid) owner to app_rules;
grant execute on function ws.remove_member(uuid, uuid) to authenticated;

-- Makes another member the owner, and the caller an admin.
create function ws.transfer(ws_id uuid, user_id uuid) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  is_active boolean;
  in_ws ws.workspaces;
  old_role app.ws_role;
begin
  perform app.require(app.has_ws_role(transfer.ws_id, 'ws_owner'));
  is_active := ws.lock_org_member(ws.org_of(transfer.ws_id), transfer.user_id, owning => true);
  in_ws := ws.lock_workspace(transfer.ws_id, 'ws_owner');
  old_role := ws.role_of(in_ws.org_id, in_ws.id, transfer.user_id);
  if transfer.user_id = app.uid() then
    raise exception 'already_owner' using errcode = 'OC409', detail = 'You own this workspace already.';
  elsif old_role is null or not is_active then
    raise exception 'broken_reference' using errcode = 'OC409',
      detail = 'No active member of the workspace has this id. Add them first.';
  elsif old_role <> 'ws_owner' then
    perform ws.require_room(in_ws.org_id, transfer.user_id);
  end if;
  update ws.ws_members m set ws_role = case when m.user_id = app.uid() then 'ws_admin' else 'ws_owner' end
  where m.org_id = in_ws.org_id and m.ws_id = in_ws.id and m.user_id in (app.uid(), transfer.user_id);
end
$$;
alter function ws.transfer(uuid, uuid) owner to app_rules;
grant execute on function ws.transfer(uuid, uuid) to authenticated;
