-- What organizations have used, how the functions have run, and what the database is doing.

create table mgmt.usage_daily (
  org_id uuid not null references access.orgs on delete cascade,
  day date not null,
  module text not null check (length(module) between 1 and 63),
  calls bigint not null check (calls >= 0),
  -- Responses with a status of 500 or more.
  errors bigint not null check (errors >= 0),
  duration_ms bigint not null check (duration_ms >= 0),
  cold_starts bigint not null check (cold_starts >= 0),
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, day, module)
);

create table mgmt.function_daily (
  function text not null check (function ~ '^[a-zA-Z0-9_-]{1,64}$'),
  day date not null,
  invocations bigint not null check (invocations >= 0),
  errors bigint not null check (errors >= 0),
  cold_starts bigint not null check (cold_starts >= 0),
  -- When the alarm about the day's cold starts was sent; null if there was no reason for one.
  alarmed_at timestamptz,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (function, day)
);

alter table mgmt.usage_daily enable row level security, force row level security;
alter table mgmt.function_daily enable row level security, force row level security;
create trigger audit before insert or update on mgmt.usage_daily for each row execute function app.audit();
create trigger audit before insert or update on mgmt.function_daily for each row execute function app.audit();

grant select on mgmt.usage_daily to authenticated;
create policy admins_read on mgmt.usage_daily for select to authenticated
  using (org_id = any (array(select access.org_ids('org_admin'))));

-- The job --------------------------------------------------------------------------------------------------------------

grant select, insert, update on mgmt.usage_daily, mgmt.function_daily to app_rules;
create policy rules on mgmt.usage_daily to app_rules using (true) with check (true);
create policy rules on mgmt.function_daily to app_rules using (true) with check (true);
grant insert (queue, key, message) on app.outbox to app_rules;

-- Records a day; a repetition replaces its numbers. `usage` is a list of {org_id, module, calls, errors, duration_ms,
-- cold_starts}, `functions` one of {function, invocations, errors, cold_starts}. Usage of organizations that do not exist
-- any more is left out. A function whose cold-start rate is above 10 % causes one alarm a day. Returns how many it sent.
create function mgmt.record_day(day date, usage jsonb, functions jsonb) returns integer
  language plpgsql volatile security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  alarm record;
  sent integer := 0;
begin
  -- Two runs for one day wait for each other: each alarm is sent once.
  perform pg_advisory_xact_lock(hashtextextended('mgmt.record_day ' || record_day.day, 0));
  delete from mgmt.usage_daily u where u.day = record_day.day;
  insert into mgmt.usage_daily (org_id, day, module, calls, errors, duration_ms, cold_starts)
  select u.org_id, record_day.day, u.module, u.calls, u.errors, u.duration_ms, u.cold_starts
  from jsonb_to_recordset(usage) u (
    org_id uuid, module text, calls bigint, errors bigint, duration_ms bigint, cold_starts bigint
  )
  join access.orgs o on o.id = u.org_id;
  insert into mgmt.function_daily as d (function, day, invocations, errors, cold_starts)
  select f.function, record_day.day, f.invocations, f.errors, f.cold_starts
  from jsonb_to_recordset(functions) f (function text, invocations bigint, errors bigint, cold_starts bigint)
  on conflict (function, day) do update
    set invocations = excluded.invocations, errors = excluded.errors, cold_starts = excluded.cold_starts;
  for alarm in
    update mgmt.function_daily d set alarmed_at = now()
    where d.day = record_day.day and d.alarmed_at is null and d.cold_starts * 10 > d.invocations
    returning d.function, d.invocations, d.cold_starts
  loop
    insert into app.outbox (queue, key, message) values (
      'alarms', 'mgmt/' || alarm.function,
      jsonb_build_object(
        'alarm', 'cold_start_rate', 'function', alarm.function, 'day', record_day.day,
        'invocations', alarm.invocations, 'cold_starts', alarm.cold_starts
      )
    );
    sent := sent + 1;
  end loop;
  return sent;
end
$$;
alter function mgmt.record_day(date, jsonb, jsonb) owner to app_rules;
grant delete on mgmt.usage_daily to app_rules;
grant execute on function mgmt.record_day(date, jsonb, jsonb) to app_service;

-- The database ---------------------------------------------------------------------------------------------------------

-- Without it, only the number of connections of each application is visible. Granting it takes a superuser or a role
-- with ADMIN OPTION, which `org-common db bootstrap` passes on where the admin has it.
do $$
begin
  grant pg_read_all_stats to app_rules;
exception when insufficient_privilege then
  raise notice 'mgmt.database_activity() will not show states and statements. As a superuser, run: grant pg_read_all_stats to app_rules';
end
$$;

-- The connections of this database by application, which is the name of the function, and the statements that have run
-- longest. Statements are those of the logins of functions, whose values are parameters; they are cut to 300 characters.
create function mgmt.database_activity() returns table (
  max_connections integer, connections bigint, is_detailed boolean, applications jsonb, waits jsonb, statements jsonb
)
  language plpgsql stable security definer set search_path = ''
as $$
begin
  perform app.require(app.has_sys_role('sys_admin'));
  return query
    with sessions as materialized (
      select coalesce(nullif(a.application_name, ''), 'unknown') as application, a.usename, a.state, a.wait_event_type,
        a.wait_event, a.query, (extract(epoch from clock_timestamp() - a.query_start) * 1000)::bigint as running_ms
      from pg_catalog.pg_stat_activity a
      where a.datname = current_database() and a.pid <> pg_backend_pid()
    )
    select
      current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer,
      -- Of all databases: they share the limit.
      (select count(*) from pg_catalog.pg_stat_activity a where a.datid is not null),
      pg_has_role(current_user, 'pg_read_all_stats', 'usage'),
      coalesce((
        select jsonb_agg(to_jsonb(g) order by g.connections desc, g.name) from (
          select s.application as name, count(*) as connections,
            count(*) filter (where s.state = 'active') as active,
            count(*) filter (where s.state like 'idle in transaction%') as idle_in_transaction
          from sessions s group by s.application
        ) g
      ), '[]'),
      coalesce((
        select jsonb_agg(to_jsonb(g) order by g.connections desc, g.event) from (
          select s.wait_event_type || ' ' || s.wait_event as event, count(*) as connections
          from sessions s where s.state = 'active' and s.wait_event is not null group by 1
        ) g
      ), '[]'),
      coalesce((
        select jsonb_agg(to_jsonb(g) order by g.running_ms desc) from (
          select s.application, s.running_ms, left(s.query, 300) as statement
          from sessions s
          where s.state = 'active' and s.usename in ('app_login', 'app_service')
          order by s.running_ms desc limit 10
        ) g
      ), '[]');
end
$$;
alter function mgmt.database_activity() owner to app_rules;
grant execute on function mgmt.database_activity() to app_sys;
