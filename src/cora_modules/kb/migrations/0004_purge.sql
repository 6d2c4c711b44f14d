-- Purging deleted bases and documents that are past their retention, and then their files.

alter table kb.kb_bases add column purge_at timestamptz;
alter table kb.kb_documents add column purge_at timestamptz;
create index on kb.kb_bases (purge_at, id) where purge_at is not null;
create index on kb.kb_documents (purge_at, id) where purge_at is not null;

-- Sets when a deleted row is purged: after the retention of its workspace, by default that of the platform.
create function kb.set_purge_at() returns trigger
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  base_id uuid := case when tg_table_name = 'kb_bases' then new.id else (to_jsonb(new) ->> 'base_id')::uuid end;
begin
  new.purge_at := case when new.deleted_at is not null then ws.purge_at((
    select w.retention_days from kb.kb_bases b join ws.workspaces w on w.org_id = b.org_id and w.id = b.ws_id
    where b.org_id = new.org_id and b.id = base_id
  )) end;
  return new;
end
$$;
alter function kb.set_purge_at() owner to app_rules;
create trigger retention before update of deleted_at on kb.kb_bases
  for each row execute function kb.set_purge_at();
create trigger retention before update of deleted_at on kb.kb_documents
  for each row execute function kb.set_purge_at();

-- What was deleted before this migration. Forced row-level security applies to the migrator too.
create policy retention on kb.kb_bases to current_user using (true) with check (true);
create policy retention on kb.kb_documents to current_user using (true) with check (true);
update kb.kb_bases set deleted_at = deleted_at where deleted_at is not null;
update kb.kb_documents set deleted_at = deleted_at where deleted_at is not null;
drop policy retention on kb.kb_bases;
drop policy retention on kb.kb_documents;

-- Files in the object store whose documents are gone, however they went: purged, or with their workspace, chat or
-- organization. A worker deletes them there, and then their rows here. The organization may be gone, too.
create table kb.kb_removed_files (
  org_id uuid not null,
  storage_key text not null check (length(storage_key) between 1 and 1000),
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, storage_key)
);
alter table kb.kb_removed_files enable row level security, force row level security;
create trigger audit before insert or update on kb.kb_removed_files for each row execute function app.audit();
grant select, delete, insert (org_id, storage_key) on kb.kb_removed_files to app_rules;
create policy rules on kb.kb_removed_files to app_rules using (true) with check (true);

create function kb.note_files() returns trigger
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  insert into kb.kb_removed_files (org_id, storage_key) select r.org_id, r.storage_key from removed r
  on conflict do nothing;
  return null;
end
$$;
alter function kb.note_files() owner to app_rules;
create trigger files after delete on kb.kb_documents referencing old table as removed
  for each statement execute function kb.note_files();

-- The purge -----------------------------------------------------------------------------------------------------------

grant delete on kb.kb_bases, kb.kb_documents to app_rules;
create policy rules_remove on kb.kb_bases for delete to app_rules using (true);
create policy rules_remove on kb.kb_documents for delete to app_rules using (true);

-- Deletes at most `budget` rows of a document, the document last. Returns how many.
create function kb.purge_document(org_id uuid, document_id uuid, budget integer) returns integer
  language plpgsql volatile set search_path = ''
as $$
declare
  of_base uuid := (
    select d.base_id from kb.kb_documents d where d.org_id = purge_document.org_id and d.id = purge_document.document_id
  );
  left_over integer := budget;
  deleted integer;
begin
  delete from kb.kb_chunks c where (c.org_id, c.id) in (
    select x.org_id, x.id from kb.kb_chunks x
    where x.org_id = purge_document.org_id and x.base_id = of_base and x.document_id = purge_document.document_id
    limit left_over
  );
  get diagnostics deleted = row_count;
  left_over := left_over - deleted;
  delete from kb.kb_texts t
  where t.org_id = purge_document.org_id and t.base_id = of_base and t.document_id = purge_document.document_id
    and t.start_char in (
      select x.start_char from kb.kb_texts x
      where x.org_id = purge_document.org_id and x.base_id = of_base and x.document_id = purge_document.document_id
      limit left_over
    );
  get diagnostics deleted = row_count;
  left_over := left_over - deleted;
  if left_over > 0 then
    delete from kb.kb_documents d where d.org_id = purge_document.org_id and d.id = purge_document.document_id;
    left_over := left_over - 1;
  end if;
  return budget - left_over;
end
$$;
alter function kb.purge_document(uuid, uuid, integer) owner to app_rules;

-- Deletes at most `budget` rows of a base, the base last. Returns how many: less than `budget` when the base is gone.
create function kb.purge_base(org_id uuid, base_id uuid, budget integer) returns integer
  language plpgsql volatile set search_path = ''
as $$
declare
  left_over integer := budget;
  document_id uuid;
begin
  while left_over > 0 loop
    select d.id into document_id from kb.kb_documents d
    where d.org_id = purge_base.org_id and d.base_id = purge_base.base_id limit 1;
    exit when not found;
    left_over := left_over - kb.purge_document(purge_base.org_id, document_id, left_over);
  end loop;
  if left_over > 0 then
    delete from kb.kb_bases b where b.org_id = purge_base.org_id and b.id = purge_base.base_id;
    left_over := left_over - 1;
  end if;
  return budget - left_over;
end
$$;
alter function kb.purge_base(uuid, uuid, integer) owner to app_rules;

-- Deletes at most this many rows of what is past its retention, and returns how many: 0 when nothing is left. Each call
-- is a transaction of its own, so a purge that stops continues with the next one. Bases of a workspace that is past its
-- own retention go first: the workspace would delete all of them in one statement.
create function kb.purge(batch integer default 500) returns integer
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  budget integer := batch;
  expired record;
begin
  -- A second purge leaves the rows to the first.
  if not pg_try_advisory_xact_lock(hashtextextended('kb.purge', 3)) then
    return 0;
  end if;
  while budget > 0 loop
    select d.org_id, d.id into expired from kb.kb_documents d
    where d.purge_at < now() order by d.purge_at, d.id limit 1;
    exit when not found;
    budget := budget - kb.purge_document(expired.org_id, expired.id, budget);
  end loop;
  while budget > 0 loop
    select f.org_id, f.id into expired from (
      select b.org_id, b.id from kb.kb_bases b where b.purge_at < now()
      union all
      select b.org_id, b.id from ws.workspaces w join kb.kb_bases b on b.org_id = w.org_id and b.ws_id = w.id
      where w.purge_at < now()
    ) f limit 1;
    exit when not found;
    budget := budget - kb.purge_base(expired.org_id, expired.id, budget);
  end loop;
  return batch - budget;
end
$$;
alter function kb.purge(integer) owner to app_rules;
grant execute on function kb.purge(integer) to app_service;

-- Files that are to be deleted in the object store.
create function kb.removed_files(batch integer) returns setof text
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return query select f.storage_key from kb.kb_removed_files f order by f.org_id, f.storage_key limit batch;
end
$$;
alter function kb.removed_files(integer) owner to app_rules;
grant execute on function kb.removed_files(integer) to app_service;

-- The store has these files no more.
create function kb.forget_files(storage_keys text[]) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  -- A key begins with the organization: kb/<organization>/<base>/<document>.
  delete from kb.kb_removed_files f using unnest(storage_keys) as k (storage_key)
  where f.org_id = split_part(k.storage_key, '/', 2)::uuid and f.storage_key = k.storage_key;
end
$$;
alter function kb.forget_files(text[]) owner to app_rules;
grant execute on function kb.forget_files(text[]) to app_service;
