-- Meter readings, partitioned by month.
create schema meter;
grant usage on schema meter to authenticated;
create function meter.orgs() returns uuid[] language sql stable return string_to_array(nullif(current_setting('app.orgs', true), ''), ',')::uuid[];
create table meter.readings (org_id uuid not null, id uuid not null default gen_random_uuid(), taken date not null, kwh numeric, primary key (org_id, id, taken)) partition by range (taken);
create table meter.readings_2026_01 partition of meter.readings for values from ('2026-01-01') to ('2026-02-01');
create table meter.readings_2026_02 partition of meter.readings for values from ('2026-02-01') to ('2026-03-01');
create table meter.events (org_id uuid not null, id uuid not null default gen_random_uuid(), at date not null, primary key (org_id, id, at)) partition by list (at);
create table meter.events_old partition of meter.events default;
create table meter.devices (org_id uuid not null, id uuid not null default gen_random_uuid(), serial text, primary key (org_id, id));
create table meter.old_devices (retired date) inherits (meter.devices);
alter table meter.readings enable row level security, force row level security;
alter table meter.events enable row level security, force row level security;
alter table meter.devices enable row level security, force row level security;
grant select, insert on meter.readings, meter.events, meter.devices to authenticated;
create policy own on meter.readings to authenticated using (org_id = any ((select meter.orgs())::uuid[])) with check (org_id = any ((select meter.orgs())::uuid[]));
create policy own on meter.devices to authenticated using (org_id = any ((select meter.orgs())::uuid[])) with check (org_id = any ((select meter.orgs())::uuid[]));

-- fault 1: a partition can be read directly, without the policies of its parent
grant select on meter.readings_2026_01 to authenticated;
-- fault 2: a partition has row-level security of its own, with a policy that every row passes
alter table meter.readings_2026_02 enable row level security, force row level security;
create policy all_rows on meter.readings_2026_02 for select to authenticated using (true);
grant select on meter.readings_2026_02 to authenticated;
-- fault 3: the policy of events lets callers insert rows of any organization
create policy own on meter.events for select to authenticated using (org_id = any ((select meter.orgs())::uuid[]));
create policy add on meter.events for insert to authenticated with check (true);
-- fault 4: a child table by inheritance can be read directly
grant select on meter.old_devices to authenticated;
-- fault 5: a partition was detached and kept its grant
alter table meter.events detach partition meter.events_old;
grant select on meter.events_old to authenticated;
-- fault 6: callers may attach triggers to the partitioned table
grant trigger on meter.readings to authenticated;
-- fault 7: the login of requests owns a table
alter table meter.devices owner to authenticated;
