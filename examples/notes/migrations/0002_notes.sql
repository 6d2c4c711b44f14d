-- Notes belong to an organization. All of its members read and write them.

create table notes.notes (
  org_id uuid not null references notes.orgs,
  id uuid not null default gen_random_uuid(),
  text text not null check (length(text) between 1 and 2000),
  created_at timestamptz not null,
  created_by uuid not null,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, id)
);
create index on notes.notes (org_id, created_at, id);

alter table notes.notes enable row level security, force row level security;
create trigger audit before insert or update on notes.notes for each row execute function app.audit();

grant select, delete on notes.notes to authenticated;
grant insert (org_id, text) on notes.notes to authenticated;

create policy members_read on notes.notes for select to authenticated
  using (org_id = any (array(select m.org_id from notes.members m)));
create policy members_add on notes.notes for insert to authenticated
  with check (org_id = any (array(select m.org_id from notes.members m)));
create policy admins_remove on notes.notes for delete to authenticated
  using (org_id = any (array(select m.org_id from notes.members m where m.org_role in ('org_admin', 'org_owner'))));
