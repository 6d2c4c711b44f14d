-- Vectors of another model for a base: built next to the old ones, which answer until the new ones are complete.

-- Begins to build the vectors of this model. Returns whether there is something to build: an empty base has the model at
-- once. Vectors that the base had from this model before are used again, since a document that was read anew has lost
-- its own. Raises a 409 `already_active`, or `reindexing` if another model is being built.
create function kb.begin_reindex(base_id uuid, model_id uuid, dimensions integer) returns boolean
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  base kb.kb_bases;
  active uuid;
  building uuid;
begin
  perform app.require(kb.can_write(begin_reindex.base_id));
  select b.* into base from kb.kb_bases b where b.id = begin_reindex.base_id for no key update;
  select i.model_id into active from kb.kb_indexes i
  where i.org_id = base.org_id and i.base_id = base.id and i.state = 'active' for update;
  select i.model_id into building from kb.kb_indexes i
  where i.org_id = base.org_id and i.base_id = base.id and i.state = 'building' for update;
  if active = begin_reindex.model_id then
    raise exception 'already_active' using errcode = 'OC409', detail = 'The base has vectors of this model already.';
  elsif building <> begin_reindex.model_id then
    raise exception 'reindexing' using errcode = 'OC409',
      detail = 'Vectors of another model are being built. Try again when they are complete.';
  end if;
  insert into kb.kb_indexes as i (org_id, base_id, model_id, dimensions, state, activated_at)
  values (
    base.org_id, base.id, begin_reindex.model_id, begin_reindex.dimensions,
    case when active is null then 'active' else 'building' end, case when active is null then now() end
  )
  on conflict on constraint kb_indexes_pkey do update set state = excluded.state;
  return active is not null;
end
$$;
alter function kb.begin_reindex(uuid, uuid, integer) owner to app_rules;
grant execute on function kb.begin_reindex(uuid, uuid, integer) to authenticated;

-- Copies chunks of the active model with vectors of the model that is being built. Chunks that are gone, or copied
-- already, are left out.
create function kb.add_vectors(base_id uuid, model_id uuid, chunk_ids uuid[], embeddings public.vector[]) returns integer
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  added integer;
begin
  perform app.require(kb.can_write(add_vectors.base_id));
  insert into kb.kb_chunks (
    org_id, base_id, document_id, model_id, seq, content, language, tokens, page, heading, start_char, end_char, embedding
  )
  select c.org_id, c.base_id, c.document_id, i.model_id, c.seq, c.content, c.language, c.tokens, c.page, c.heading,
    c.start_char, c.end_char, n.embedding
  from unnest(chunk_ids, embeddings) as n (id, embedding)
  join kb.kb_indexes i on i.base_id = add_vectors.base_id and i.model_id = add_vectors.model_id and i.state = 'building'
  join kb.kb_indexes a on a.org_id = i.org_id and a.base_id = i.base_id and a.state = 'active'
  -- A document that is read anew meanwhile waits for this transaction, or this one finds its old chunks no more.
  join kb.kb_chunks c on c.org_id = a.org_id and c.id = n.id and c.base_id = a.base_id and c.model_id = a.model_id
  on conflict do nothing;
  get diagnostics added = row_count;
  return added;
end
$$;
alter function kb.add_vectors(uuid, uuid, uuid[], public.vector[]) owner to app_rules;
grant execute on function kb.add_vectors(uuid, uuid, uuid[], public.vector[]) to authenticated;

-- Makes the model the active one if each chunk has its vector, and returns whether it is active now. Documents that are
-- being read wait for this, or this waits for them: `kb.clear_chunks` locks the active model.
create function kb.finish_reindex(base_id uuid, model_id uuid) returns boolean
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  active kb.kb_indexes;
begin
  perform app.require(kb.can_write(finish_reindex.base_id));
  select i.* into active from kb.kb_indexes i
  where i.base_id = finish_reindex.base_id and i.state = 'active' for update;
  if active.model_id = finish_reindex.model_id then
    return true;
  end if;
  if not exists (
    select from kb.kb_indexes i
    where i.org_id = active.org_id and i.base_id = active.base_id and i.model_id = finish_reindex.model_id
      and i.state = 'building'
  ) or exists (
    select from kb.kb_chunks c
    where c.org_id = active.org_id and c.base_id = active.base_id and c.model_id = active.model_id and not exists (
      select from kb.kb_chunks n
      where n.org_id = c.org_id and n.document_id = c.document_id and n.model_id = finish_reindex.model_id
        and n.seq = c.seq
    )
  ) then
    return false;
  end if;
  update kb.kb_indexes i set state = 'stale'
  where i.org_id = active.org_id and i.base_id = active.base_id and i.model_id = active.model_id;
  update kb.kb_indexes i set state = 'active', activated_at = now()
  where i.org_id = active.org_id and i.base_id = active.base_id and i.model_id = finish_reindex.model_id;
  return true;
end
$$;
alter function kb.finish_reindex(uuid, uuid) owner to app_rules;
grant execute on function kb.finish_reindex(uuid, uuid) to authenticated;

-- Deletes the vectors that no search reads: those of stale models. Returns how many.
create function kb.delete_stale(base_id uuid) returns bigint
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  deleted bigint;
begin
  perform app.require(kb.can_write(delete_stale.base_id));
  -- A search that has begun with the old model may still read it: it finds fewer passages, and no wrong ones.
  delete from kb.kb_chunks c using kb.kb_indexes i
  where i.base_id = delete_stale.base_id and i.state = 'stale'
    and c.org_id = i.org_id and c.base_id = i.base_id and c.model_id = i.model_id;
  get diagnostics deleted = row_count;
  delete from kb.kb_indexes i where i.base_id = delete_stale.base_id and i.state = 'stale';
  return deleted;
end
$$;
alter function kb.delete_stale(uuid) owner to app_rules;
grant execute on function kb.delete_stale(uuid) to authenticated;
