"""A schema of 60 tables in the manner of a project on Supabase: generated, and a copy of none."""

NOUNS = (
    "projects", "tasks", "comments", "attachments", "labels", "milestones", "sprints", "boards", "columns", "cards",
    "checklists", "reminders", "invoices", "invoice_lines", "payments", "refunds", "subscriptions", "plans", "coupons",
    "contacts", "companies", "deals", "pipelines", "stages", "notes", "calls", "meetings", "emails", "templates",
    "campaigns", "segments", "events", "page_views", "sessions", "devices", "api_keys", "webhooks", "deliveries",
    "exports", "imports", "reports", "dashboards", "widgets", "alerts", "incidents", "services", "deployments",
    "environments", "secrets", "audit_logs", "feature_flags", "experiments", "surveys", "answers", "files",
)  # fmt: skip
ROOTS = ("organizations", "profiles", "memberships", "countries", "audit")
TABLES = (*ROOTS, *NOUNS)

HEAD = """
create role service_role bypassrls; create role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;
create schema auth; create role supabase_admin; grant usage on schema auth to anon, authenticated;
create table auth.users (id uuid primary key, email text, raw_user_meta_data jsonb);
create function auth.uid() returns uuid language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'))::uuid
$$;
create function auth.role() returns text language sql stable as
  $$ select nullif(current_setting('request.jwt.claim.role', true), '')::text $$;
create type public.member_role as enum ('owner', 'admin', 'member');
grant usage on schema public to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
create table public.organizations (id uuid primary key default gen_random_uuid(), name text not null,
  slug text unique, settings jsonb default '{}'::jsonb, tags text[] default '{}'::text[],
  created_at timestamptz default now());
create table public.profiles (id uuid primary key references auth.users on delete cascade, full_name text,
  is_admin boolean default false, avatar_url text);
create table public.memberships (id bigserial primary key,
  organization_id uuid references public.organizations on delete cascade,
  user_id uuid references public.profiles on delete cascade, role public.member_role not null default 'member');
create table public.countries (code char(2) primary key, name text, bounds box, ranges int4range);
create table public.audit (id bigint generated always as identity, at timestamptz default now(), payload jsonb,
  primary key (id, at)) partition by range (at);
create function public.is_member(org uuid, user_id uuid) returns boolean language sql security definer stable as
  $$ select exists (select 1 from memberships m where m.organization_id = org and m.user_id = is_member.user_id) $$;
create function public.handle_new_user() returns trigger language plpgsql security definer as $$
begin
  insert into public.profiles (id, full_name) values (new.id, new.raw_user_meta_data ->> 'name');
  return new;
end $$;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();
alter table public.organizations enable row level security;
alter table public.profiles enable row level security;
alter table public.memberships enable row level security;
create policy "Users can view own profile" on public.profiles for select using (auth.uid() = id);
create policy "Users can update own profile" on public.profiles for update using (auth.uid() = id);
create policy "Members see the organization" on public.organizations for select
  using (id in (select m.organization_id from public.memberships m where m.user_id = auth.uid()));
create policy "See memberships" on public.memberships for select using (auth.uid() = user_id);
"""
# One after the other, for the tables in their order.
POLICIES = (
    "for all using (public.is_member(organization_id, auth.uid()))",
    """for select to authenticated using (organization_id in (
      select m.organization_id from public.memberships m where m.user_id = auth.uid()))""",
    """for all to authenticated using (exists (select 1 from public.memberships m where m.organization_id =
      {table}.organization_id and m.user_id = auth.uid()
      and m.role = any (array['owner', 'admin']::public.member_role[])))""",
    "for insert to authenticated with check (auth.role() = 'authenticated')",
    "for all using (created_by = (select auth.uid()) or (select auth.jwt() -> 'user_metadata' ->> 'staff') = 'true')",
    None,
)
JWT = "create function auth.jwt() returns jsonb language sql stable as 'select null::jsonb';"
TAIL = """
create view public.all_projects as select p.*, o.name as organization from public.projects p
  join public.organizations o on o.id = p.organization_id;
create view public.people as select u.id, u.email, p.full_name from auth.users u join public.profiles p using (id);
create materialized view public.project_counts as select organization_id, count(*) from public.projects group by 1;
grant all on all tables in schema public to anon, authenticated, service_role;
grant all on all sequences in schema public to anon, authenticated, service_role;
"""


def schema() -> str:
    """The SQL that creates it."""
    return "\n".join([HEAD, JWT, *(_table(number, name) for number, name in enumerate(NOUNS)), TAIL])


def _table(number: int, name: str) -> str:
    parent = f", parent_id uuid references public.{NOUNS[number - 1]} on delete set null" if number % 3 else ""
    policy = POLICIES[number % len(POLICIES)]
    statements = f"""create table public.{name} (id uuid primary key default gen_random_uuid(), organization_id uuid
      not null references public.organizations, title text, slug text{" unique" if number % 5 == 0 else ""},
      amount numeric check (amount >= 0), deleted_at timestamptz, created_by uuid references auth.users,
      updated_at timestamptz default now(){parent});"""
    if policy is not None:
        statements += f"""alter table public.{name} enable row level security;
        create policy "Access to {name}" on public.{name} {policy.format(table=name)};"""
    return statements
