-- Knowledge bases of organizations, workspaces and chats, and their documents.

create schema kb;
grant usage on schema kb to authenticated, app_sys, app_rules, app_service;
-- The owner of a function needs CREATE on its schema.
grant create on schema kb to app_rules;

-- Tables ----------------------------------------------------------------------------------------------------------

create table kb.kb_bases (
  org_id uuid not null references access.orgs on delete cascade,
  id uuid not null default access.new_id(),
  -- Who reads and writes it: the organization, a workspace, or a chat.
  scope text not null check (scope in ('organization', 'workspace', 'chat')),
  ws_id uuid,
  -- The module chat adds the foreign key.
  chat_id uuid,
  name text not null check (length(name) between 1 and 200),
  description text check (length(description) <= 2000),
  -- How documents are cut, in tokens of the embedding model. For documents that are ingested from now on.
  chunk_tokens integer not null default 256 check (chunk_tokens between 32 and 2048),
  overlap_tokens integer not null default 32 check (overlap_tokens between 0 and 512),
  deleted_at timestamptz,
  deleted_by uuid,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, id),
  foreign key (org_id, ws_id) references ws.workspaces on delete cascade,
  check ((scope = 'workspace') = (ws_id is not null)),
  check ((scope = 'chat') = (chat_id is not null)),
  check (overlap_tokens <= chunk_tokens / 2)
);
create unique index bases_name on kb.kb_bases (org_id, coalesce(ws_id, chat_id, org_id), name) where deleted_at is null;
create index on kb.kb_bases (id);
create index on kb.kb_bases (org_id, ws_id, name, id) where deleted_at is null;
create index on kb.kb_bases (org_id, ws_id);

-- The file of a document is in the object store, under `storage_key`.
create table kb.kb_documents (
  org_id uuid not null,
  id uuid not null default access.new_id(),
  base_id uuid not null,
  filename text not null check (length(filename) between 1 and 255 and filename !~ '[[:cntrl:]]'),
  media_type text not null check (length(media_type) between 3 and 200),
  size_bytes bigint not null check (size_bytes between 0 and 52428800),
  -- Of the file, in hexadecimal digits.
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  storage_key text not null generated always as ('kb/' || org_id::text || '/' || base_id::text || '/' || id::text) stored,
  -- pending: the upload is expected. uploaded: checked and queued. processing: a worker has it.
  status text not null default 'pending' check (status in ('pending', 'uploaded', 'processing', 'indexed', 'failed')),
  -- Why it failed: a code, and a sentence for the user.
  error_code text check (length(error_code) <= 100),
  error text check (length(error) <= 2000),
  page_count integer,
  -- Of the text that was found in the file, in characters.
  text_length integer,
  chunk_count integer not null default 0,
  indexed_at timestamptz,
  -- The worker that has it, until when, and how many had it.
  claim_id uuid,
  claimed_until timestamptz,
  attempts integer not null default 0,
  deleted_at timestamptz,
  deleted_by uuid,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, id),
  -- For the keys of chunks and texts: a document stays in its base.
  unique (org_id, base_id, id),
  foreign key (org_id, base_id) references kb.kb_bases on delete cascade,
  check ((status = 'failed') = (error is not null)),
  check ((status = 'processing') = (claim_id is not null))
);
create index on kb.kb_documents (id);
create index on kb.kb_documents (base_id, created_at, id) where deleted_at is null;

-- The text of a document, in parts: a passage is read without the rest. `start_char` counts characters, as spans do.
create table kb.kb_texts (
  org_id uuid not null,
  base_id uuid not null,
  document_id uuid not null,
  start_char integer not null check (start_char >= 0),
  content text not null check (length(content) between 1 and 100000),
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, base_id, document_id, start_char),
  foreign key (org_id, base_id, document_id) references kb.kb_documents (org_id, base_id, id) on delete cascade
);

do $$
declare
  name text;
begin
  foreach name in array array['kb_bases', 'kb_documents', 'kb_texts'] loop
    execute format('alter table kb.%I enable row level security, force row level security', name);
    execute format('create trigger audit before insert or update on kb.%I for each row execute function app.audit()', name);
  end loop;
end
$$;

-- What is not deleted. Policies ignore `deleted_at`: with it, a deletion would fail with 42501.
create view kb.live_bases with (security_invoker = true) as
  select b.org_id, b.id, b.scope, b.ws_id, b.chat_id, b.name, b.description, b.chunk_tokens, b.overlap_tokens,
         b.created_at, b.created_by, b.updated_at, b.updated_by
  from kb.kb_bases b where b.deleted_at is null;
create view kb.live_documents with (security_invoker = true) as
  select d.org_id, d.id, d.base_id, d.filename, d.media_type, d.size_bytes, d.sha256, d.storage_key, d.status,
         d.error_code, d.error, d.page_count, d.text_length, d.chunk_count, d.indexed_at,
         d.created_at, d.created_by, d.updated_at, d.updated_by
  from kb.kb_documents d where d.deleted_at is null;

-- The caller's access -----------------------------------------------------------------------------------------------

grant select on kb.kb_bases, kb.kb_documents, kb.live_bases, kb.live_documents, kb.kb_texts to app_rules;
grant update on kb.kb_bases, kb.kb_documents to app_rules;
grant insert (org_id, base_id, document_id, start_char, content), delete on kb.kb_texts to app_rules;
create policy rules_read on kb.kb_bases for select to app_rules using (true);
create policy rules_change on kb.kb_bases for update to app_rules using (true) with check (true);
create policy rules_read on kb.kb_documents for select to app_rules using (true);
create policy rules_change on kb.kb_documents for update to app_rules using (true) with check (true);
create policy rules on kb.kb_texts to app_rules using (true) with check (true);

-- The bases of chats that the caller may read, or change. There are none until the module chat replaces it.
create function kb.chat_bases_of_caller(for_writing boolean default false) returns setof uuid
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return;
end
$$;
alter function kb.chat_bases_of_caller(boolean) owner to app_rules;
grant execute on function kb.chat_bases_of_caller(boolean) to authenticated;

-- The live bases that the caller may read: those of their organizations, workspaces and chats. For policies.
create function kb.readable_bases() returns setof uuid
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select b.id from kb.kb_bases b
    where b.deleted_at is null and b.org_id = any (array(select access.org_ids())) and case b.scope
      when 'organization' then true
      when 'workspace' then b.ws_id = any (array(select ws.ids()))
      else b.id = any (array(select kb.chat_bases_of_caller()))
    end;
end
$$;
alter function kb.readable_bases() owner to app_rules;
grant execute on function kb.readable_bases() to authenticated;

-- The same for those that the caller may change: as an admin of the organization or of the workspace, or an editor of
-- the chat.
create function kb.writable_bases() returns setof uuid
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select b.id from kb.kb_bases b
    where b.deleted_at is null and b.org_id = any (array(select access.org_ids())) and case b.scope
      when 'organization' then b.org_id = any (array(select access.org_ids('org_admin')))
      when 'workspace' then b.ws_id = any (array(select ws.ids('ws_admin')))
      else b.id = any (array(select kb.chat_bases_of_caller(for_writing => true)))
    end;
end
$$;
alter function kb.writable_bases() owner to app_rules;
grant execute on function kb.writable_bases() to authenticated;

-- Whether the caller may read, or change, one base. Null for a base that they may not read. For access rules.
create function kb.can_read(base_id uuid) returns boolean
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select case b.scope
      when 'organization' then true
      when 'workspace' then app.has_ws_role(b.ws_id, 'ws_user')
      when 'chat' then case when b.id in (select kb.chat_bases_of_caller()) then true end
    end
    from kb.kb_bases b
    where b.id = can_read.base_id and b.deleted_at is null and app.has_org_role(b.org_id, 'org_user')
  );
end
$$;
alter function kb.can_read(uuid) owner to app_rules;
grant execute on function kb.can_read(uuid) to authenticated;

create function kb.can_write(base_id uuid) returns boolean
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select case b.scope
      when 'organization' then app.has_org_role(b.org_id, 'org_admin')
      when 'workspace' then app.has_ws_role(b.ws_id, 'ws_admin')
      when 'chat' then
        case when b.id in (select kb.chat_bases_of_caller())
          then b.id in (select kb.chat_bases_of_caller(for_writing => true)) end
    end
    from kb.kb_bases b
    where b.id = can_write.base_id and b.deleted_at is null and app.has_org_role(b.org_id, 'org_user')
  );
end
$$;
alter function kb.can_write(uuid) owner to app_rules;
grant execute on function kb.can_write(uuid) to authenticated;

-- Policies of tenants -----------------------------------------------------------------------------------------------

-- The row's own columns and not `kb.readable_bases()`: a new base is not visible to a function of its own statement.
grant select on kb.kb_bases, kb.live_bases to authenticated;
grant insert (org_id, scope, ws_id, name, description, chunk_tokens, overlap_tokens) on kb.kb_bases to authenticated;
grant update (name, description, chunk_tokens, overlap_tokens) on kb.kb_bases to authenticated;
create policy members_read on kb.kb_bases for select to authenticated using (
  org_id = any (array(select access.org_ids())) and case scope
    when 'organization' then true
    when 'workspace' then ws_id = any (array(select ws.ids()))
    else id = any (array(select kb.chat_bases_of_caller()))
  end
);
create policy admins_add on kb.kb_bases for insert to authenticated with check (
  org_id = any (array(select access.org_ids())) and case scope
    when 'organization' then org_id = any (array(select access.org_ids('org_admin')))
    when 'workspace' then ws_id = any (array(select ws.ids('ws_admin')))
    else false
  end
);
create policy admins_change on kb.kb_bases for update to authenticated
  using (org_id = any (array(select access.org_ids())) and id = any (array(select kb.writable_bases())))
  with check (org_id = any (array(select access.org_ids())) and id = any (array(select kb.writable_bases())));

grant select on kb.kb_documents, kb.live_documents to authenticated;
grant insert (org_id, base_id, filename, media_type, size_bytes, sha256) on kb.kb_documents to authenticated;
create policy members_read on kb.kb_documents for select to authenticated
  using (org_id = any (array(select access.org_ids())) and base_id = any (array(select kb.readable_bases())));
create policy admins_add on kb.kb_documents for insert to authenticated
  with check (org_id = any (array(select access.org_ids())) and base_id = any (array(select kb.writable_bases())));

grant select on kb.kb_texts to authenticated;
create policy members_read on kb.kb_texts for select to authenticated
  using (org_id = any (array(select access.org_ids())) and base_id = any (array(select kb.readable_bases())));

-- Changes -----------------------------------------------------------------------------------------------------------

-- Locks a document until the transaction ends, so that neither a worker nor another request changes it, and returns it
-- if the caller may change its base. Raises OC404 for a deleted one.
create function kb.lock_document(base_id uuid, document_id uuid) returns kb.kb_documents
  language plpgsql volatile set search_path = ''
as $$
declare
  locked kb.kb_documents;
begin
  perform app.require(kb.can_write(lock_document.base_id));
  select d.* into locked from kb.kb_documents d
  where d.base_id = lock_document.base_id and d.id = lock_document.document_id and d.deleted_at is null
  for no key update;
  perform app.require(case when found then true end);
  return locked;
end
$$;
alter function kb.lock_document(uuid, uuid) owner to app_rules;

-- The upload is complete and checked: the document waits for a worker. Also for one that failed, to try again. Returns
-- whether a message is to be sent: a repeated call for a document that waits already sends none.
create function kb.queue_document(base_id uuid, document_id uuid) returns boolean
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  found_document kb.kb_documents := kb.lock_document(base_id, document_id);
begin
  if found_document.status not in ('pending', 'failed') then
    return false;
  end if;
  update kb.kb_documents d set status = 'uploaded', error_code = null, error = null, attempts = 0
  where d.org_id = found_document.org_id and d.id = found_document.id;
  return true;
end
$$;
alter function kb.queue_document(uuid, uuid) owner to app_rules;
grant execute on function kb.queue_document(uuid, uuid) to authenticated;

-- Deletes a document. Its text goes at once: nothing restores it.
create function kb.delete_document(base_id uuid, document_id uuid) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  doomed kb.kb_documents := kb.lock_document(base_id, document_id);
begin
  update kb.kb_documents d set deleted_at = now(), deleted_by = app.uid()
  where d.org_id = doomed.org_id and d.id = doomed.id;
  delete from kb.kb_texts t where t.org_id = doomed.org_id and t.base_id = doomed.base_id and t.document_id = doomed.id;
end
$$;
alter function kb.delete_document(uuid, uuid) owner to app_rules;
grant execute on function kb.delete_document(uuid, uuid) to authenticated;

-- Deletes a base: from then on, no policy shows its documents.
create function kb.delete_base(base_id uuid) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform app.require(kb.can_write(delete_base.base_id));
  update kb.kb_bases b set deleted_at = now(), deleted_by = app.uid()
  where b.id = delete_base.base_id and b.deleted_at is null;
  perform app.require(case when found then true end);
end
$$;
alter function kb.delete_base(uuid) owner to app_rules;
grant execute on function kb.delete_base(uuid) to authenticated;
