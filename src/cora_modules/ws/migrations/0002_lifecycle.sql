-- Creating, deleting, restoring and handing over workspaces.
--
-- All functions lock in one order: the organization, its memberships, the workspace, then its memberships. Changes of one
-- workspace's members run one at a time, and so do those that give one user the ownership of workspaces.

-- Locks a membership of the organization until the transaction ends: its user stays in the organization, and with
-- `owning` no other transaction gives them a workspace. Returns whether they are an active member.
create function ws.lock_org_member(org_id uuid, user_id uuid, owning boolean) returns boolean
  language plpgsql volatile set search_path = ''
as $$
begin
  perform from access.orgs o where o.id = lock_org_member.org_id for key share;
  if owning then
    perform from access.org_members m
    where m.org_id = lock_org_member.org_id and m.user_id = lock_org_member.user_id for no key update;
  else
    perform from access.org_members m
    where m.org_id = lock_org_member.org_id and m.user_id = lock_org_member.user_id for key share;
  end if;
  return found and exists (select from access.users u where u.id = lock_org_member.user_id and u.is_active);
end
$$;
alter function ws.lock_org_member(uuid, uuid, boolean) owner to app_rules;

-- Locks the workspace until the transaction ends, so that none of its memberships changes, and returns it if the caller
-- still has this role.
create function ws.lock_workspace(ws_id uuid, at_least app.ws_role) returns ws.workspaces
  language plpgsql volatile set search_path = ''
as $$
declare
  locked ws.workspaces;
begin
  select w.* into locked from ws.workspaces w
  where w.id = lock_workspace.ws_id and w.deleted_at is null for no key update;
  -- The caller may have been deactivated while this waited.
  perform app.require(
    case when exists (select from access.users u where u.id = app.uid() and u.is_active)
      then app.has_ws_role(lock_workspace.ws_id, at_least) end
  );
  return locked;
end
$$;
alter function ws.lock_workspace(uuid, app.ws_role) owner to app_rules;

-- The organization of a workspace, deleted or not.
create function ws.org_of(ws_id uuid) returns uuid
  language plpgsql stable set search_path = ''
as $$
begin
  return (select w.org_id from ws.workspaces w where w.id = org_of.ws_id);
end
$$;
alter function ws.org_of(uuid) owner to app_rules;

-- Raises unless the user may own one more workspace. The caller has locked their membership of the organization.
create function ws.require_room(org_id uuid, user_id uuid) returns void
  language plpgsql stable set search_path = ''
as $$
begin
  if (
    select count(*) from ws.ws_members m
    where m.org_id = require_room.org_id and m.user_id = require_room.user_id
      and m.ws_role = 'ws_owner' and m.deleted_at is null
  ) >= ws.owned_limit(require_room.org_id) then
    raise exception 'too_many_workspaces' using errcode = 'OC403',
      detail = format('A user may own %s workspaces in this organization.', ws.owned_limit(require_room.org_id));
  end if;
end
$$;
alter function ws.require_room(uuid, uuid) owner to app_rules;

create function ws.create_workspace(
  org_id uuid, name text, description text, color text, icon text, tags text[], retention_days integer
) returns setof ws.workspaces
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  is_active boolean := ws.lock_org_member(org_id, app.uid(), owning => true);
  new_ws ws.workspaces;
begin
  perform app.require(case when is_active then app.has_org_role(create_workspace.org_id, 'org_user') end);
  if not app.has_org_role(create_workspace.org_id, 'org_admin') and exists (
    select from ws.ws_config_org c where c.org_id = create_workspace.org_id and not c.allow_user_creation
  ) then
    raise exception 'creation_disabled' using errcode = 'OC403',
      detail = 'In this organization only administrators create workspaces.';
  end if;
  perform ws.require_room(create_workspace.org_id, app.uid());
  insert into ws.workspaces as w (org_id, name, description, color, icon, tags, retention_days)
  select create_workspace.org_id, create_workspace.name, create_workspace.description,
    coalesce(create_workspace.color, s.default_color), coalesce(create_workspace.icon, s.default_icon),
    create_workspace.tags, create_workspace.retention_days
  from ws.ws_config_sys s
  returning w.* into new_ws;
  insert into ws.ws_members (org_id, ws_id, user_id, ws_role, added_by)
  values (new_ws.org_id, new_ws.id, app.uid(), 'ws_owner', app.uid());
  return next new_ws;
end
$$;
alter function ws.create_workspace(uuid, text, text, text, text, text[], integer) owner to app_rules;
grant execute on function ws.create_workspace(uuid, text, text, text, text, text[], integer) to authenticated;

-- When rows of the workspace that are deleted now can be purged.
create function ws.purge_at(retention_days integer) returns timestamptz
  language plpgsql stable set search_path = ''
as $$
begin
  return now() + make_interval(
    days => coalesce(purge_at.retention_days, (select s.retention_days from ws.ws_config_sys s))
  );
end
$$;
alter function ws.purge_at(integer) owner to app_rules;

-- Deletes the workspace and, with it, its memberships. Favorites stay: no read finds them meanwhile.
create function ws.delete_workspace(ws_id uuid) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  doomed ws.workspaces := ws.lock_workspace(ws_id, 'ws_owner');
begin
  update ws.ws_members m set deleted_at = now(), deleted_by = app.uid(), deleted_with_ws = true
  where m.org_id = doomed.org_id and m.ws_id = doomed.id and m.deleted_at is null;
  update ws.workspaces w
  set deleted_at = now(), deleted_by = app.uid(), purge_at = ws.purge_at(doomed.retention_days)
  where w.org_id = doomed.org_id and w.id = doomed.id;
end
$$;
alter function ws.delete_workspace(uuid) owner to app_rules;
grant execute on function ws.delete_workspace(uuid) to authenticated;

-- Restores what the deletion removed: members who had been removed before stay removed.
create function ws.restore_workspace(ws_id uuid) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  found_ws ws.workspaces;
  owner_id uuid;
begin
  perform app.require(app.had_ws_role(restore_workspace.ws_id, 'ws_owner'));
  -- The owners of a deleted workspace change only by leaving the organization.
  for owner_id in
    select m.user_id from ws.ws_members m
    where m.ws_id = restore_workspace.ws_id and m.deleted_with_ws and m.ws_role = 'ws_owner' order by m.user_id
  loop
    perform ws.lock_org_member(ws.org_of(restore_workspace.ws_id), owner_id, owning => true);
  end loop;
  select w.* into found_ws from ws.workspaces w where w.id = restore_workspace.ws_id for no key update;
  perform app.require(app.had_ws_role(restore_workspace.ws_id, 'ws_owner'));
  if found_ws.deleted_at is null then
    raise exception 'not_deleted' using errcode = 'OC409', detail = 'This workspace is not deleted.';
  elsif found_ws.purge_at <= clock_timestamp() then
    raise exception 'retention_over' using errcode = 'OC410',
      detail = 'This workspace was deleted too long ago to be restored.';
  end if;
  for owner_id in
    select m.user_id from ws.ws_members m
    where m.ws_id = restore_workspace.ws_id and m.deleted_with_ws and m.ws_role = 'ws_owner'
  loop
    perform ws.require_room(found_ws.org_id, owner_id);
  end loop;
  update ws.ws_members m set deleted_at = null, deleted_by = null, deleted_with_ws = false
  where m.org_id = found_ws.org_id and m.ws_id = found_ws.id and m.deleted_with_ws;
  update ws.workspaces w set deleted_at = null, deleted_by = null, purge_at = null
  where w.org_id = found_ws.org_id and w.id = found_ws.id;
end
$$;
alter function ws.restore_workspace(uuid) owner to app_rules;
grant execute on function ws.restore_workspace(uuid) to authenticated;

-- Whether the workspace has an owner other than this user who can sign in.
create function ws.has_other_owner(org_id uuid, ws_id uuid, user_id uuid) returns boolean
  language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from ws.ws_members m join access.users u on u.id = m.user_id and u.is_active
    where m.org_id = has_other_owner.org_id and m.ws_id = has_other_owner.ws_id and m.ws_role = 'ws_owner'
      and m.deleted_at is null and m.user_id <> has_other_owner.user_id
  );
end
$$;
alter function ws.has_other_owner(uuid, uuid, uuid) owner to app_rules;

-- A user who leaves the organization leaves its workspaces. Members cannot leave while they are the last owner of one.
-- If an administrator removes them, the workspace passes to the administrator: the removed user cannot prevent it.
create function ws.hand_over() returns trigger
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  heir uuid;
  found_ws record;
begin
  if not exists (select from access.orgs o where o.id = old.org_id) then
    return old; -- the organization is deleted with everything that belongs to it
  end if;
  for found_ws in
    select w.id from ws.workspaces w join ws.ws_members m on m.org_id = w.org_id and m.ws_id = w.id
    where w.org_id = old.org_id and w.deleted_at is null and m.user_id = old.user_id and m.deleted_at is null
    order by w.id for no key update of w
  loop
    continue when ws.has_other_owner(old.org_id, found_ws.id, old.user_id) or not exists (
      select from ws.ws_members m
      where m.org_id = old.org_id and m.ws_id = found_ws.id and m.user_id = old.user_id
        and m.ws_role = 'ws_owner' and m.deleted_at is null
    );
    if old.user_id = app.uid() then
      raise exception 'last_ws_owner' using errcode = 'OC409',
        detail = 'You are the last owner of a workspace of this organization. Transfer or delete it first.';
    end if;
    -- Without a caller, as for a deleted user, it passes to the organization's first owner.
    heir := (
      select m.user_id from access.org_members m join access.users u on u.id = m.user_id and u.is_active
      where m.org_id = old.org_id and m.user_id <> old.user_id and (m.user_id = app.uid() or m.org_role = 'org_owner')
      order by m.user_id is distinct from app.uid(), m.created_at limit 1
    );
    continue when heir is null;
    insert into ws.ws_members as m (org_id, ws_id, user_id, ws_role, added_by)
    values (old.org_id, found_ws.id, heir, 'ws_owner', app.uid())
    on conflict on constraint ws_members_pkey do update
    set ws_role = 'ws_owner', added_by = case when m.deleted_at is null then m.added_by else app.uid() end,
      added_at = case when m.deleted_at is null then m.added_at else now() end,
      deleted_at = null, deleted_by = null, purge_at = null;
  end loop;
  return old;
end
$$;
alter function ws.hand_over() owner to app_rules;
create trigger hand_over_workspaces before delete on access.org_members
  for each row execute function ws.hand_over();
