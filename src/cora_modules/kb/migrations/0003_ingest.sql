-- The work on uploaded documents. A worker claims a document, works without a transaction, and stores the result in one.
-- It runs as app_service, which has no grant on a table: these functions are all that it can do.

-- Locks a document as before. The login of jobs has no caller; requests cannot become it, so it is asked for by the
-- session's user.
create or replace function kb.lock_document(base_id uuid, document_id uuid) returns kb.kb_documents
  language plpgsql volatile set search_path = ''
as $$
declare
  locked kb.kb_documents;
begin
  if session_user <> 'app_service' then
    perform app.require(kb.can_write(lock_document.base_id));
  end if;
  select d.* into locked from kb.kb_documents d
  where d.base_id = lock_document.base_id and d.id = lock_document.document_id and d.deleted_at is null
  for no key update;
  perform app.require(case when found then true end);
  return locked;
end
$$;
grant execute on function app.require(boolean), kb.clear_chunks(uuid, uuid, uuid, integer), kb.add_chunks(
  uuid, uuid, uuid, text, integer, text[], integer[], integer[], text[], integer[], integer[], public.vector[]
) to app_service;

-- Claims a document for a worker. `outcome` says what to do with the message:
--   claimed    work on it, within `lease_s` seconds
--   busy       another worker has it: try again later
--   done       nothing: it was processed, or deleted, or its upload is not complete
--   exhausted  `max_attempts` workers have had it and none came to an end: it has failed
create function kb.claim_document(document_id uuid, claim_id uuid, lease_s integer, max_attempts integer)
  returns table (
    outcome text, org_id uuid, base_id uuid, filename text, media_type text, size_bytes bigint, sha256 text,
    storage_key text, chunk_tokens integer, overlap_tokens integer, active_model_id uuid
  )
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  found_document kb.kb_documents;
begin
  select d.* into found_document from kb.kb_documents d
  where d.id = claim_document.document_id and d.deleted_at is null
    and exists (select from kb.kb_bases b where b.org_id = d.org_id and b.id = d.base_id and b.deleted_at is null)
  for no key update;
  if found and found_document.status = 'failed' and found_document.error_code = 'exhausted' then
    -- The message goes to the dead-letter queue.
    outcome := 'exhausted';
  elsif not found or found_document.status not in ('uploaded', 'processing') then
    outcome := 'done';
  elsif found_document.status = 'processing' and found_document.claimed_until > now() then
    outcome := 'busy';
  elsif found_document.attempts >= max_attempts then
    outcome := 'exhausted';
    update kb.kb_documents d
    set status = 'failed', claim_id = null, claimed_until = null, error_code = 'exhausted',
      error = format('The document could not be processed in %s attempts. Try again, or split it.', max_attempts)
    where d.org_id = found_document.org_id and d.id = found_document.id;
  else
    outcome := 'claimed';
    update kb.kb_documents d
    set status = 'processing', claim_id = claim_document.claim_id, attempts = d.attempts + 1,
      claimed_until = now() + make_interval(secs => lease_s)
    where d.org_id = found_document.org_id and d.id = found_document.id;
  end if;
  return query
    select claim_document.outcome, d.org_id, d.base_id, d.filename, d.media_type, d.size_bytes, d.sha256, d.storage_key,
      b.chunk_tokens, b.overlap_tokens, i.model_id
    from (values (1)) as one
    left join kb.kb_documents d on d.org_id = found_document.org_id and d.id = found_document.id
    left join kb.kb_bases b on b.org_id = d.org_id and b.id = d.base_id
    left join kb.kb_indexes i on i.org_id = d.org_id and i.base_id = d.base_id and i.state = 'active';
end
$$;
alter function kb.claim_document(uuid, uuid, integer, integer) owner to app_rules;
grant execute on function kb.claim_document(uuid, uuid, integer, integer) to app_service;

-- Locks the document that a worker has claimed. Raises a 409 `claim_lost` if another worker has it meanwhile, or if it
-- was deleted: the result is then dropped.
create function kb.lock_claimed(document_id uuid, claim_id uuid) returns kb.kb_documents
  language plpgsql volatile set search_path = ''
as $$
declare
  locked kb.kb_documents;
begin
  select d.* into locked from kb.kb_documents d
  where d.id = lock_claimed.document_id and d.claim_id = lock_claimed.claim_id and d.deleted_at is null
  for no key update;
  if not found then
    raise exception 'claim_lost' using errcode = 'OC409', detail = 'Another worker has this document, or it was deleted.';
  end if;
  return locked;
end
$$;
alter function kb.lock_claimed(uuid, uuid) owner to app_rules;

-- The file cannot be processed: the reason is for its user.
create function kb.fail_document(document_id uuid, claim_id uuid, error_code text, error text) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  failed kb.kb_documents := kb.lock_claimed(document_id, claim_id);
begin
  update kb.kb_documents d
  set status = 'failed', claim_id = null, claimed_until = null, error_code = fail_document.error_code,
    error = fail_document.error
  where d.org_id = failed.org_id and d.id = failed.id;
end
$$;
alter function kb.fail_document(uuid, uuid, text, text) owner to app_rules;
grant execute on function kb.fail_document(uuid, uuid, text, text) to app_service;

-- Gives a document back, so that the next delivery of its message works on it at once. An attempt `counts` unless it
-- failed for a reason that is not the document's.
create function kb.release_document(document_id uuid, claim_id uuid, counts boolean) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  released kb.kb_documents := kb.lock_claimed(document_id, claim_id);
begin
  update kb.kb_documents d
  set status = 'uploaded', claim_id = null, claimed_until = null, attempts = d.attempts - (not counts)::integer
  where d.org_id = released.org_id and d.id = released.id;
end
$$;
alter function kb.release_document(uuid, uuid, boolean) owner to app_rules;
grant execute on function kb.release_document(uuid, uuid, boolean) to app_service;

-- Begins to store a result: deletes the chunks and the text that the document has.
create function kb.begin_result(document_id uuid, claim_id uuid, model_id uuid, dimensions integer) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  stored kb.kb_documents := kb.lock_claimed(document_id, claim_id);
begin
  perform kb.clear_chunks(stored.base_id, stored.id, begin_result.model_id, begin_result.dimensions);
  delete from kb.kb_texts t
  where t.org_id = stored.org_id and t.base_id = stored.base_id and t.document_id = stored.id;
end
$$;
alter function kb.begin_result(uuid, uuid, uuid, integer) owner to app_rules;
grant execute on function kb.begin_result(uuid, uuid, uuid, integer) to app_service;

-- Adds parts of the text, after `kb.begin_result` in the same transaction.
create function kb.add_texts(document_id uuid, claim_id uuid, starts integer[], contents text[]) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  stored kb.kb_documents := kb.lock_claimed(document_id, claim_id);
begin
  insert into kb.kb_texts (org_id, base_id, document_id, start_char, content)
  select stored.org_id, stored.base_id, stored.id, n.start_char, n.content
  from unnest(starts, contents) as n (start_char, content);
end
$$;
alter function kb.add_texts(uuid, uuid, integer[], text[]) owner to app_rules;
grant execute on function kb.add_texts(uuid, uuid, integer[], text[]) to app_service;

-- Ends the storing of a result, in the same transaction: searches find the document from then on.
create function kb.finish_result(
  document_id uuid, claim_id uuid, page_count integer, text_length integer, chunk_count integer
) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  stored kb.kb_documents := kb.lock_claimed(document_id, claim_id);
begin
  update kb.kb_documents d
  set status = 'indexed', claim_id = null, claimed_until = null, error_code = null, error = null,
    page_count = finish_result.page_count, text_length = finish_result.text_length,
    chunk_count = finish_result.chunk_count, indexed_at = now()
  where d.org_id = stored.org_id and d.id = stored.id;
end
$$;
alter function kb.finish_result(uuid, uuid, integer, integer, integer) owner to app_rules;
grant execute on function kb.finish_result(uuid, uuid, integer, integer, integer) to app_service;
