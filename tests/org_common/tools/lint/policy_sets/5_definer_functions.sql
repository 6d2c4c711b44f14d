-- A hospital's rota. Much of it is done by functions.
create schema rota;
grant usage on schema rota to anon, authenticated;
create function rota.me() returns uuid language sql stable return nullif(current_setting('app.user', true), '')::uuid;
grant execute on function rota.me() to authenticated;
create table rota.staff (clinic_id uuid not null, user_id uuid not null, grade text, primary key (clinic_id, user_id));
create table rota.shifts (clinic_id uuid not null, id uuid not null default gen_random_uuid(), user_id uuid, starts_at timestamptz, primary key (clinic_id, id));
alter table rota.staff enable row level security, force row level security;
alter table rota.shifts enable row level security, force row level security;

-- fault 1: a definer without a search_path: the caller's schema or pg_temp comes first
create function rota.clinics() returns setof uuid language sql stable security definer
  as $$ select clinic_id from rota.staff where user_id = rota.me() $$;
revoke execute on function rota.clinics() from public;
grant execute on function rota.clinics() to authenticated;
grant select on rota.staff, rota.shifts to authenticated;
create policy mine on rota.staff for select to authenticated using (clinic_id = any (array(select rota.clinics())));
create policy mine on rota.shifts for select to authenticated using (clinic_id = any (array(select rota.clinics())));
-- fault 2: a search_path with a schema but without pg_temp at its end
create function rota.grade() returns text language sql stable security definer set search_path = rota
  as $$ select grade from rota.staff where user_id = rota.me() limit 1 $$;
revoke execute on function rota.grade() from public;
grant execute on function rota.grade() to authenticated;
-- fault 3: callers say who they are
create function rota.shifts_of(user_id uuid) returns setof rota.shifts language sql stable security definer set search_path = ''
  as $$ select s.* from rota.shifts s where s.user_id = shifts_of.user_id $$;
revoke execute on function rota.shifts_of(uuid) from public;
grant execute on function rota.shifts_of(uuid) to authenticated;
-- fault 4: callers say which clinic, and no membership is checked
create function rota.clinic_shifts(clinic uuid) returns setof rota.shifts language sql stable security definer set search_path = ''
  as $$ select s.* from rota.shifts s where s.clinic_id = clinic $$;
revoke execute on function rota.clinic_shifts(uuid) from public;
grant execute on function rota.clinic_shifts(uuid) to authenticated;
-- fault 5: everybody, anonymous callers too, may execute it, because PostgreSQL grants that by default
create function rota.purge_old() returns void language sql volatile security definer set search_path = ''
  as $$ delete from rota.shifts where starts_at < now() - interval '1 year' and clinic_id in (select clinic_id from rota.staff where user_id = rota.me()) $$;
-- fault 6: SQL from the caller runs with the owner's rights
create function rota.report(filter text) returns bigint language plpgsql stable security definer set search_path = '' as $$
declare n bigint;
begin
  perform rota.me();
  execute 'select count(*) from rota.shifts where ' || filter into n;
  return n;
end $$;
revoke execute on function rota.report(text) from public;
grant execute on function rota.report(text) to authenticated;
-- fault 7: a function marked LEAKPROOF sees rows before the policy filters them
create function rota.noisy(value text) returns boolean language plpgsql immutable leakproof set search_path = '' as $$
begin raise notice '%', value; return true; end $$;
-- fault 8: callers may create objects in the schema that functions read
grant create on schema rota to authenticated;
-- fine: it checks its caller
create function rota.swap(shift uuid) returns void language plpgsql volatile security definer set search_path = '' as $$
begin
  update rota.shifts s set user_id = rota.me()
  where s.id = swap.shift and s.clinic_id in (select st.clinic_id from rota.staff st where st.user_id = rota.me());
end $$;
revoke execute on function rota.swap(uuid) from public;
grant execute on function rota.swap(uuid) to authenticated;
