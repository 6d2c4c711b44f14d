-- Users, the token subjects that identify them, organizations and their members.

create schema notes;
grant usage on schema notes to authenticated, app_rules;

create table notes.users (
  id uuid primary key default gen_random_uuid(),
  name text not null
);

create table notes.identities (
  issuer text not null,
  subject text not null,
  user_id uuid not null references notes.users,
  primary key (issuer, subject)
);

create table notes.orgs (
  id uuid primary key default gen_random_uuid(),
  name text not null
);

create table notes.members (
  org_id uuid not null references notes.orgs,
  user_id uuid not null references notes.users,
  org_role app.org_role not null,
  primary key (org_id, user_id)
);

alter table notes.users enable row level security, force row level security;
alter table notes.identities enable row level security, force row level security;
alter table notes.orgs enable row level security, force row level security;
alter table notes.members enable row level security, force row level security;

-- A request sees the caller's own memberships and no other row of these tables.
grant select on notes.members to authenticated;
create policy own on notes.members for select to authenticated using (user_id = (select app.uid()));

-- The two lookup functions below run as app_rules, which may read two tables.
grant select on notes.identities, notes.members to app_rules;
create policy rules on notes.identities for select to app_rules using (true);
create policy rules on notes.members for select to app_rules using (true);

create or replace function app.find_user(token_issuer text, token_subject text) returns uuid
  language plpgsql stable set search_path = ''
as $$
begin
  return (
    select i.user_id from notes.identities i
    where i.issuer = token_issuer and i.subject = token_subject
  );
end
$$;

create or replace function app.find_org_role(wanted_org_id uuid) returns text
  language plpgsql stable set search_path = ''
as $$
begin
  return (
    select m.org_role from notes.members m
    where m.org_id = wanted_org_id and m.user_id = app.uid()
  );
end
$$;
