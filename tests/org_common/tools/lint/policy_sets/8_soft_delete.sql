-- A wiki. Pages are deleted by a timestamp.
create schema wiki;
grant usage on schema wiki to authenticated;
create function wiki.orgs() returns setof uuid language plpgsql stable security definer set search_path = '' as $$
begin return query select nullif(current_setting('app.org', true), '')::uuid; end $$;
revoke execute on function wiki.orgs() from public;
grant execute on function wiki.orgs() to authenticated;
create table wiki.pages (org_id uuid not null, id uuid not null default gen_random_uuid(), title text not null, deleted_at timestamptz, primary key (org_id, id));
create table wiki.files (org_id uuid not null, id uuid not null default gen_random_uuid(), page_id uuid, name text not null, is_deleted boolean not null default false, primary key (org_id, id));
create table wiki.comments (org_id uuid not null, id uuid not null default gen_random_uuid(), page_id uuid, body text, removed_at timestamptz, primary key (org_id, id));
create table wiki.drafts (org_id uuid not null, id uuid not null default gen_random_uuid(), page_id uuid, deleted_at timestamptz, primary key (org_id, id));
create table wiki.stars (org_id uuid not null, page_id uuid not null, user_id uuid not null, deleted_at timestamptz, primary key (org_id, page_id, user_id));
alter table wiki.pages enable row level security, force row level security;
alter table wiki.files enable row level security, force row level security;
alter table wiki.comments enable row level security, force row level security;
alter table wiki.drafts enable row level security, force row level security;
alter table wiki.stars enable row level security, force row level security;

-- fault 1: FOR ALL with deleted_at is null: an UPDATE that sets it fails with 42501
grant select, insert, update on wiki.pages to authenticated;
create policy live on wiki.pages to authenticated
  using (org_id = any (array(select wiki.orgs())) and deleted_at is null)
  with check (org_id = any (array(select wiki.orgs())));
-- fault 2: the same by a boolean, in a SELECT policy of its own
grant select, update on wiki.files to authenticated;
create policy live on wiki.files for select to authenticated using (org_id = any (array(select wiki.orgs())) and not is_deleted);
create policy change on wiki.files for update to authenticated
  using (org_id = any (array(select wiki.orgs()))) with check (org_id = any (array(select wiki.orgs())));
-- fault 3: `set null` of the reference clears the tenant as well, and that is not null: the page cannot be deleted
alter table wiki.files add foreign key (org_id, page_id) references wiki.pages (org_id, id) on delete set null;
-- fault 4: an UPDATE policy without WITH CHECK
grant select, update on wiki.comments to authenticated;
create policy see on wiki.comments for select to authenticated using (org_id = any (array(select wiki.orgs())));
create policy change on wiki.comments for update to authenticated using (org_id = any (array(select wiki.orgs())));
-- fault 5: UPDATE with USING (true): rows of other tenants can be taken over
grant select, update on wiki.drafts to authenticated;
create policy see on wiki.drafts for select to authenticated using (org_id = any (array(select wiki.orgs())));
create policy change on wiki.drafts for update to authenticated using (true) with check (org_id = any (array(select wiki.orgs())));
-- fault 6: membership by a subquery, which never uses the index on org_id
grant select on wiki.stars to authenticated;
create policy see on wiki.stars for select to authenticated using (org_id in (select wiki.orgs()));
-- fault 7: a unique name that deleted rows keep blocking, across tenants
create unique index pages_title on wiki.pages (title);
