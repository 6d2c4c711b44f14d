-- What the platform's administrators want of each Lambda function, and how far that is from what is deployed.

create table mgmt.lambda_settings (
  function text primary key check (function ~ '^[a-zA-Z0-9_-]{1,64}$'),
  -- Null leaves what is deployed as it is.
  memory_mb integer check (memory_mb between 128 and 10240),
  -- Provisioned concurrency outside of the windows of the schedule.
  provisioned integer check (provisioned between 0 and 10000),
  -- {"timezone": "Europe/Berlin", "windows": [{"days": ["mon"], "start": "08:00", "end": "18:00", "provisioned": 5}]}
  schedule jsonb check (length(schedule::text) <= 16000),
  -- The last sync that applied everything, and what the last one could not apply.
  applied_at timestamptz,
  drift jsonb not null default '[]',
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid
);
alter table mgmt.lambda_settings enable row level security, force row level security;
create trigger audit before insert or update on mgmt.lambda_settings for each row execute function app.audit();

grant select, insert (function, memory_mb, provisioned, schedule), update (memory_mb, provisioned, schedule)
  on mgmt.lambda_settings to app_sys;
create policy sys on mgmt.lambda_settings to app_sys
  using ((select app.has_sys_role('sys_admin'))) with check ((select app.has_sys_role('sys_admin')));
grant select, update (applied_at, drift) on mgmt.lambda_settings to app_rules;
create policy rules_read on mgmt.lambda_settings for select to app_rules using (true);
create policy rules_change on mgmt.lambda_settings for update to app_rules using (true);

-- The settings, for a sync: syncs wait for each other until their transactions end. A function, so that the rows are
-- read after the lock.
create function mgmt.begin_sync() returns setof mgmt.lambda_settings
  language plpgsql volatile set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('mgmt.sync', 0));
  return query select s.* from mgmt.lambda_settings s order by s.function;
end
$$;
grant execute on function mgmt.begin_sync() to app_sys;

-- Records a sync. `failures` has the changes that failed by function, for each function of the sync.
create function mgmt.finish_sync(failures jsonb) returns integer
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  changed integer;
begin
  perform app.require(app.has_sys_role('sys_admin'));
  update mgmt.lambda_settings s
  set applied_at = case when f.value = '[]' then now() else s.applied_at end, drift = f.value
  from jsonb_each(failures) f where s.function = f.key;
  get diagnostics changed = row_count;
  return changed;
end
$$;
alter function mgmt.finish_sync(jsonb) owner to app_rules;
grant execute on function mgmt.finish_sync(jsonb) to app_sys;
