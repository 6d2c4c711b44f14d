-- Former members keep the name that the workspace had when they left: their own row, which they can read, must not tell
-- how it has been renamed since. Those who return get the current name.
create or replace function ws.copy_name_to_members() returns trigger
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  update ws.ws_members m set ws_name = new.name
  where m.org_id = new.org_id and m.ws_id = new.id and m.deleted_at is null;
  return null;
end
$$;
create trigger name_again before update of deleted_at on ws.ws_members for each row
  when (old.deleted_at is not null and new.deleted_at is null) execute function ws.copy_name();
