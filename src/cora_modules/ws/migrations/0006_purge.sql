-- Purging what was deleted longer ago than its retention. The policies let app_service see and delete just that.

-- UPDATE: PostgreSQL requires it to lock a row.
grant select (org_id, id, purge_at), update (purge_at), delete on ws.workspaces to app_service;
create policy purge on ws.workspaces to app_service using (purge_at < now());
grant select (org_id, ws_id, user_id, purge_at), delete on ws.ws_members to app_service;
create policy purge on ws.ws_members to app_service using (
  purge_at < now() or exists (select from ws.workspaces w where w.org_id = ws_members.org_id and w.id = ws_id)
);
grant select (org_id, ws_id, user_id), delete on ws.ws_favorites to app_service;
create policy purge on ws.ws_favorites to app_service
  using (exists (select from ws.workspaces w where w.org_id = ws_favorites.org_id and w.id = ws_id));
grant select (org_id, ws_id, id), delete on ws.ws_activity to app_service;
create policy purge on ws.ws_activity to app_service
  using (exists (select from ws.workspaces w where w.org_id = ws_activity.org_id and w.id = ws_id));
grant select (org_id, ws_id, module), delete on ws.ws_plugins to app_service;
create policy purge on ws.ws_plugins to app_service
  using (exists (select from ws.workspaces w where w.org_id = ws_plugins.org_id and w.id = ws_id));

-- Deletes at most this many rows, children first, and returns how many: 0 when nothing is left. Each call is a
-- transaction of its own, so a purge that stops continues with the next one. The purge of a workspace ends with the
-- workspace itself; until then, no request can restore it.
create function ws.purge(batch integer default 1000) returns integer
  language plpgsql volatile set search_path = ''
as $$
declare
  budget integer := batch;
  expired record;
  deleted integer;
begin
  -- A second purge leaves the rows to the first.
  if not pg_try_advisory_xact_lock(hashtextextended('ws.purge', 3)) then
    return 0;
  end if;
  while budget > 0 loop
    select w.org_id, w.id into expired from ws.workspaces w
    where w.purge_at < now() order by w.purge_at, w.id limit 1 for no key update skip locked;
    exit when not found;
    delete from ws.ws_activity a where (a.org_id, a.id) in (
      select x.org_id, x.id from ws.ws_activity x where x.org_id = expired.org_id and x.ws_id = expired.id limit budget
    );
    get diagnostics deleted = row_count;
    budget := budget - deleted;
    delete from ws.ws_favorites f where (f.org_id, f.ws_id, f.user_id) in (
      select x.org_id, x.ws_id, x.user_id from ws.ws_favorites x
      where x.org_id = expired.org_id and x.ws_id = expired.id limit budget
    );
    get diagnostics deleted = row_count;
    budget := budget - deleted;
    delete from ws.ws_plugins p where (p.org_id, p.ws_id, p.module) in (
      select x.org_id, x.ws_id, x.module from ws.ws_plugins x
      where x.org_id = expired.org_id and x.ws_id = expired.id limit budget
    );
    get diagnostics deleted = row_count;
    budget := budget - deleted;
    delete from ws.ws_members m where (m.org_id, m.ws_id, m.user_id) in (
      select x.org_id, x.ws_id, x.user_id from ws.ws_members x
      where x.org_id = expired.org_id and x.ws_id = expired.id limit budget
    );
    get diagnostics deleted = row_count;
    budget := budget - deleted;
    if budget > 0 then
      delete from ws.workspaces w where w.org_id = expired.org_id and w.id = expired.id;
      budget := budget - 1;
    end if;
  end loop;
  delete from ws.ws_members m where (m.org_id, m.ws_id, m.user_id) in (
    select x.org_id, x.ws_id, x.user_id from ws.ws_members x where x.purge_at < now() order by x.purge_at limit budget
  );
  get diagnostics deleted = row_count;
  return batch - budget + deleted;
end
$$;
grant execute on function ws.purge(integer) to app_service;
