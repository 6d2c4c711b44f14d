-- A school. Reads go through views.
create schema school;
grant usage on schema school to anon, authenticated;
create function school.mine() returns uuid[] language sql stable return string_to_array(nullif(current_setting('app.schools', true), ''), ',')::uuid[];
create table school.pupils (tenant_id uuid not null, id uuid not null default gen_random_uuid(), name text, born date, primary key (tenant_id, id));
create table school.marks (tenant_id uuid not null, id uuid not null default gen_random_uuid(), pupil_id uuid not null, mark int, primary key (tenant_id, id));
alter table school.pupils enable row level security, force row level security;
alter table school.marks enable row level security, force row level security;
grant select on school.pupils, school.marks to authenticated;
create policy mine on school.pupils for select to authenticated using (tenant_id = any ((select school.mine())::uuid[]));
create policy mine on school.marks for select to authenticated using (tenant_id = any ((select school.mine())::uuid[]));

-- fault 1: a view with its owner's rights shows the pupils of all schools
create view school.pupil_list as select tenant_id, id, name from school.pupils;
grant select on school.pupil_list to authenticated;
-- fault 2: a materialized view has no row-level security
create materialized view school.averages as select tenant_id, avg(mark) as mark from school.marks group by 1;
grant select on school.averages to authenticated;
-- fault 3: an outer view with security_invoker over an inner one without: the inner one decides
create view school.inner_marks as select * from school.marks;
create view school.outer_marks with (security_invoker = true) as select * from school.inner_marks;
grant select on school.inner_marks, school.outer_marks to authenticated;
-- fault 4: a view that can be written writes with its owner's rights
create view school.edit_marks as select * from school.marks;
grant update, delete on school.edit_marks to authenticated;
-- fault 5: security_invoker was written as false
create view school.births with (security_invoker = false) as select tenant_id, born from school.pupils;
grant select on school.births to authenticated;
-- fault 6: anonymous visitors may read a view of personal data
create view school.public_list with (security_barrier = true) as select name from school.pupils where born is not null;
grant select on school.public_list to anon;
-- fault 7: a mark refers to a pupil without its school: a hidden pupil can be told from a missing one
alter table school.pupils add unique (id);
alter table school.marks add foreign key (pupil_id) references school.pupils (id) on delete cascade;
-- fault 8: a function with its owner's rights returns the table, as a view would
create function school.all_pupils() returns setof school.pupils language sql stable security definer set search_path = ''
  as $$ select * from school.pupils $$;
revoke execute on function school.all_pupils() from public;
grant execute on function school.all_pupils() to authenticated;
-- fine: the caller's policies apply
create view school.safe_list with (security_invoker = true) as select tenant_id, id, name from school.pupils;
grant select on school.safe_list to authenticated;
