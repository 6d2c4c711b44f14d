-- Users, the tokens that belong to them, organizations and memberships.

create schema access;
grant usage on schema access to authenticated, app_sys, app_rules, app_service;
-- The owner of a function needs CREATE on its schema.
grant create on schema access to app_rules;

-- Tables ----------------------------------------------------------------------------------------------------------

create table access.users (
  id uuid primary key default gen_random_uuid(),
  email text not null,
  full_name text,
  avatar_url text,
  phone text,
  sys_role app.sys_role,
  current_org_id uuid,
  metadata jsonb not null default '{}',
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid
);

-- The tokens that belong to a user. Never linked by e-mail.
create table access.user_identities (
  issuer text not null,
  subject text not null,
  user_id uuid not null references access.users on delete cascade,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (issuer, subject)
);
create index on access.user_identities (user_id);

create table access.orgs (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 200),
  slug text not null unique check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(slug) between 2 and 63),
  description text,
  logo_url text,
  website_url text,
  app_name text,
  app_icon text,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid
);
alter table access.users add foreign key (current_org_id) references access.orgs on delete set null;
create index on access.users (current_org_id);

create table access.org_members (
  org_id uuid not null references access.orgs on delete cascade,
  user_id uuid not null references access.users on delete cascade,
  org_role app.org_role not null,
  added_by uuid,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, user_id)
);
create index on access.org_members (user_id);

create table access.org_email_domains (
  org_id uuid not null references access.orgs on delete cascade,
  id uuid not null default gen_random_uuid(),
  domain text not null check (domain ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$' and length(domain) <= 253),
  auto_provision boolean not null default false,
  default_role app.org_role not null default 'org_user',
  verified_at timestamptz,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, id),
  unique (org_id, domain)
);
-- Any organization may claim a domain; only one can have it verified.
create unique index org_email_domains_verified on access.org_email_domains (domain) where verified_at is not null;

do $$
declare
  name text;
begin
  foreach name in array array['users', 'user_identities', 'orgs', 'org_members', 'org_email_domains'] loop
    execute format('alter table access.%I enable row level security, force row level security', name);
    execute format('create trigger audit before insert or update on access.%I for each row execute function app.audit()', name);
  end loop;
end
$$;

-- Functions that the SDK calls ----------------------------------------------------------------------------------

-- Policies let app_rules read all rows of the few tables that access rules need, and of no others.
grant select on access.users, access.user_identities, access.org_members to app_rules;
create policy rules on access.users for select to app_rules using (true);
create policy rules on access.user_identities for select to app_rules using (true);
create policy rules on access.org_members for select to app_rules using (true);

create or replace function app.find_user(token_issuer text, token_subject text) returns uuid
  language plpgsql stable set search_path = ''
as $$
begin
  return (
    select i.user_id from access.user_identities i
    where i.issuer = token_issuer and i.subject = token_subject
  );
end
$$;

create or replace function app.find_sys_role() returns text
  language plpgsql stable set search_path = ''
as $$
begin
  return (select u.sys_role from access.users u where u.id = app.uid());
end
$$;

create or replace function app.find_org_role(wanted_org_id uuid) returns text
  language plpgsql stable set search_path = ''
as $$
begin
  return (
    select m.org_role from access.org_members m
    where m.org_id = wanted_org_id and m.user_id = app.uid()
  );
end
$$;

-- The organizations in which the caller has at least this role. For policies: a set is evaluated once per statement, a
-- function of the row once per row (50 rows: 358 instead of 591 us).
create function access.org_ids(at_least app.org_role default 'org_user') returns setof uuid
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select m.org_id from access.org_members m
    where m.user_id = app.uid() and app.rung(m.org_role) >= app.rung(at_least);
end
$$;
alter function access.org_ids(app.org_role) owner to app_rules;
grant execute on function access.org_ids(app.org_role) to authenticated;

-- The users who share an organization with the caller, and the caller.
create function access.colleague_ids() returns setof uuid
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select app.uid()
    union
    select m.user_id from access.org_members m where m.org_id in (select access.org_ids());
end
$$;
alter function access.colleague_ids() owner to app_rules;
grant execute on function access.colleague_ids() to authenticated;

-- Users: colleagues see name, e-mail and avatar; they have no grant on the other columns ----------------------------

grant select (id, email, full_name, avatar_url) on access.users to authenticated;
create policy colleagues on access.users for select to authenticated using (id in (select access.colleague_ids()));
grant select (id, email, full_name, avatar_url, sys_role, created_at, updated_at) on access.users to app_sys;
create policy sys on access.users for select to app_sys using (true);

-- Organizations ----------------------------------------------------------------------------------------------------

grant select, delete on access.orgs to authenticated;
grant update (name, slug, description, logo_url, website_url, app_name, app_icon) on access.orgs to authenticated;
create policy members_read on access.orgs for select to authenticated using (id in (select access.org_ids()));
create policy admins_change on access.orgs for update to authenticated
  using (id in (select access.org_ids('org_admin'))) with check (id in (select access.org_ids('org_admin')));
create policy owners_remove on access.orgs for delete to authenticated
  using (id in (select access.org_ids('org_owner')));
grant select on access.orgs to app_sys;
create policy sys on access.orgs for select to app_sys using (true);

-- A function of app_rules creates an organization together with the membership of its owner. A plain INSERT … RETURNING
-- would fail: the policy for reading it requires a membership that does not exist yet.
grant select, insert on access.orgs to app_rules;
grant insert on access.org_members to app_rules;
create policy rules_read on access.orgs for select to app_rules using (true);
create policy rules_create on access.orgs for insert to app_rules with check (true);
create policy rules_create on access.org_members for insert to app_rules with check (true);

create function access.create_org(
  name text, slug text, description text, logo_url text, website_url text, app_name text, app_icon text
) returns setof access.orgs
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  new_org access.orgs;
begin
  if app.uid() is null then
    raise exception 'unknown user' using errcode = 'OCUSR';
  end if;
  insert into access.orgs as o (name, slug, description, logo_url, website_url, app_name, app_icon)
  values (
    create_org.name, create_org.slug, create_org.description, create_org.logo_url, create_org.website_url,
    create_org.app_name, create_org.app_icon
  )
  returning * into new_org;
  insert into access.org_members (org_id, user_id, org_role, added_by)
  values (new_org.id, app.uid(), 'org_owner', app.uid());
  return next new_org;
end
$$;
alter function access.create_org(text, text, text, text, text, text, text) owner to app_rules;
grant execute on function access.create_org(text, text, text, text, text, text, text) to authenticated;

-- Members ----------------------------------------------------------------------------------------------------------

grant select on access.org_members to authenticated;
create policy members_read on access.org_members for select to authenticated
  using (org_id in (select access.org_ids()));

-- E-mail domains: managed by the organization's admins, verified by the platform's administrators --------------------

grant select, delete on access.org_email_domains to authenticated;
grant insert (org_id, domain, auto_provision, default_role) on access.org_email_domains to authenticated;
grant update (auto_provision, default_role) on access.org_email_domains to authenticated;
create policy admins_read on access.org_email_domains for select to authenticated
  using (org_id in (select access.org_ids('org_admin')));
-- Admins cannot grant a role above their own, not even through a domain.
create policy admins_add on access.org_email_domains for insert to authenticated
  with check (app.has_org_role(org_id, 'org_admin') and app.has_org_role(org_id, default_role));
create policy admins_change on access.org_email_domains for update to authenticated
  using (org_id in (select access.org_ids('org_admin')))
  with check (app.has_org_role(org_id, 'org_admin') and app.has_org_role(org_id, default_role));
create policy admins_remove on access.org_email_domains for delete to authenticated
  using (org_id in (select access.org_ids('org_admin')));
grant select on access.org_email_domains to app_sys;
create policy sys on access.org_email_domains for select to app_sys using (true);
