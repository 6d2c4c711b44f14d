-- The deleted workspaces of an organization that the caller can restore: those that they owned until the deletion.
-- A function, since policies show a workspace to its members, and a deleted one has none.
create function ws.deleted_workspaces(org_id uuid) returns table (
  id uuid, name text, description text, color text, icon text, deleted_at timestamptz, deleted_by uuid,
  restorable_until timestamptz
)
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select w.id, w.name, w.description, w.color, w.icon, w.deleted_at, w.deleted_by, w.purge_at
    from ws.ws_members m join ws.workspaces w on w.org_id = m.org_id and w.id = m.ws_id
    where m.org_id = deleted_workspaces.org_id and m.user_id = app.uid()
      and m.deleted_with_ws and m.ws_role = 'ws_owner' and w.purge_at > now();
end
$$;
alter function ws.deleted_workspaces(uuid) owner to app_rules;
grant execute on function ws.deleted_workspaces(uuid) to authenticated;
