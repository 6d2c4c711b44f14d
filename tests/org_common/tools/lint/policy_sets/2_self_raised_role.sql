-- A helpdesk. Profiles carry the role on the platform, seats the role in a company.
create schema desk;
grant usage on schema desk to authenticated;
create function desk.me() returns uuid language sql stable return nullif(current_setting('app.user', true), '')::uuid;
create table desk.companies (id uuid primary key default gen_random_uuid(), name text not null);
create table desk.profiles (id uuid primary key, display_name text, role text not null default 'agent', is_admin boolean not null default false);
create table desk.seats (company_id uuid not null references desk.companies, user_id uuid not null,
  seat_role text not null default 'agent', nickname text, primary key (company_id, user_id));
create table desk.join_requests (company_id uuid not null references desk.companies, user_id uuid not null,
  granted_role text not null default 'agent', primary key (company_id, user_id));
alter table desk.companies enable row level security, force row level security;
alter table desk.profiles enable row level security, force row level security;
alter table desk.seats enable row level security, force row level security;
alter table desk.join_requests enable row level security, force row level security;
create function desk.companies_of(at_least text) returns setof uuid
  language plpgsql stable security definer set search_path = '' as $$
begin
  return query select s.company_id from desk.seats s where s.user_id = desk.me() and s.seat_role = at_least;
end $$;
revoke execute on function desk.companies_of(text) from public;
grant execute on function desk.companies_of(text) to authenticated;

-- fault 1: users may update all columns of their own profile, the role too
grant select, update on desk.profiles to authenticated;
create policy own_read on desk.profiles for select to authenticated using (id = (select desk.me()));
create policy own_write on desk.profiles for update to authenticated
  using (id = (select desk.me())) with check (id = (select desk.me()));
-- fault 2: a user who has a seat may update it, with the column of the role granted
grant select, update (nickname, seat_role) on desk.seats to authenticated;
create policy own_seat on desk.seats for update to authenticated
  using (user_id = (select desk.me())) with check (user_id = (select desk.me()));
create policy read_seats on desk.seats for select to authenticated
  using (company_id = any (array(select desk.companies_of('agent'))));
-- fault 3: anyone may insert a seat for themselves in any company
grant insert on desk.seats to authenticated;
create policy take_seat on desk.seats for insert to authenticated with check (user_id = (select desk.me()));
-- fault 4: a function that sets the role of any user, callable by everyone, without a check
create function desk.set_role(target uuid, new_role text) returns void
  language plpgsql volatile security definer set search_path = '' as $$
begin
  update desk.profiles set role = new_role where id = target;
end $$;
revoke execute on function desk.set_role(uuid, text) from public;
grant execute on function desk.set_role(uuid, text) to authenticated;
-- fault 5: the role of the database that requests run as may create roles and grant itself others
alter role authenticated createrole;
-- fault 6: an invitation names the role that it will grant, and the invited person writes it
grant select, insert (company_id, user_id, granted_role) on desk.join_requests to authenticated;
create policy read_requests on desk.join_requests for select to authenticated
  using (company_id = any (array(select desk.companies_of('owner'))));
create policy ask on desk.join_requests for insert to authenticated with check (
  user_id = (select desk.me()) and company_id = any (array(select desk.companies_of('agent')))
);
-- fine: companies can be read by those with a seat
grant select on desk.companies to authenticated;
create policy mine on desk.companies for select to authenticated
  using (id = any (array(select desk.companies_of('agent'))));
