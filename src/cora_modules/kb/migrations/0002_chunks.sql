-- Chunks of documents with their vectors, and the hits of a search: by vectors, and by words.

-- Tables ----------------------------------------------------------------------------------------------------------

-- Which models have vectors of a base. A search reads those of the active one. While a new one is built, a search
-- reads the old one; the old one is stale when the new one is complete.
create table kb.kb_indexes (
  org_id uuid not null,
  base_id uuid not null,
  -- Of `ai.ai_models`. A model may be deleted there while its vectors remain here.
  model_id uuid not null,
  dimensions integer not null check (dimensions between 1 and 16000),
  state text not null check (state in ('active', 'building', 'stale')),
  -- When it became active.
  activated_at timestamptz,
  -- Why the last attempt to build it stopped: a code.
  error_code text check (length(error_code) <= 100),
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, base_id, model_id),
  foreign key (org_id, base_id) references kb.kb_bases on delete cascade
);
create unique index indexes_active on kb.kb_indexes (org_id, base_id) where state = 'active';
create unique index indexes_building on kb.kb_indexes (org_id, base_id) where state = 'building';
create index on kb.kb_indexes (base_id);

-- The words to search a text by. NFKC joins what looks alike; soft hyphens and spaces without width would be part of
-- a word. A path is several words. Numbers and codes are also found undivided: 184000 for 184,000, Z8841 for
-- Z-8841, of which the parser would make the number -8841.
create function kb.search_text(content text) returns text
  language sql immutable parallel safe set search_path = ''
return (
  -- Most texts have no digits: they need a third of the time.
  select case when plain !~ '\d' then translate(plain, '/\_', '   ')
  else regexp_replace(translate(plain, '/\_', '   '), '(?<=\w)-(?=\d)', ' ', 'g') || coalesce((
    select ' ' || string_agg(regexp_replace(found[1], '[^[:alnum:]]', '', 'g'), ' ')
    from regexp_matches(
      plain,
      '(?<!\w)(\d{1,3}(?:[,.''\u2019 ]\d{3})+(?!\d)|[[:alpha:]]+(?:[-/][[:alnum:]]*\d[[:alnum:]]*)+)', 'g'
    ) as found
  ), '') end
  from translate(normalize(content, NFKC), U&'\2010\2011\00AD\200B\200C\200D\2060\FEFF', '--') as plain
);

-- The text configuration of a document's language. Immutable: a cast to regconfig is not, its name can be dropped.
create function kb.to_words(language text, content text) returns tsvector
  language sql immutable parallel safe set search_path = ''
return case language
  when 'english' then to_tsvector('pg_catalog.english', kb.search_text(content))
  when 'french' then to_tsvector('pg_catalog.french', kb.search_text(content))
  when 'german' then to_tsvector('pg_catalog.german', kb.search_text(content))
  when 'italian' then to_tsvector('pg_catalog.italian', kb.search_text(content))
  when 'spanish' then to_tsvector('pg_catalog.spanish', kb.search_text(content))
  else to_tsvector('pg_catalog.simple', kb.search_text(content))
end;
grant execute on function kb.search_text(text), kb.to_words(text, text) to app_rules;

create table kb.kb_chunks (
  org_id uuid not null,
  id uuid not null default access.new_id(),
  base_id uuid not null,
  document_id uuid not null,
  model_id uuid not null,
  -- The place among the chunks of its document, from 0.
  seq integer not null check (seq >= 0),
  content text not null check (length(content) between 1 and 100000),
  language text not null check (language in ('english', 'french', 'german', 'italian', 'simple', 'spanish')),
  tokens integer not null check (tokens >= 0),
  -- Null where the format has no pages, or no headings.
  page integer check (page >= 1),
  heading text check (length(heading) <= 1000),
  -- The chunk is `text[start_char:end_char]` of the document's text, in characters.
  start_char integer not null check (start_char >= 0),
  end_char integer not null check (end_char > start_char),
  -- Cosine distance has no direction for a zero vector, and HNSW leaves it out.
  embedding public.vector not null check (public.vector_norm(embedding) > 0),
  dimensions integer not null generated always as (public.vector_dims(embedding)) stored,
  tsv tsvector not null generated always as (kb.to_words(language, coalesce(heading || ' ', '') || content)) stored,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, id),
  unique (org_id, document_id, model_id, seq),
  foreign key (org_id, base_id, document_id) references kb.kb_documents (org_id, base_id, id) on delete cascade,
  foreign key (org_id, base_id, model_id) references kb.kb_indexes on delete cascade
);
-- Inside the row: an exact search reads each of them, and would fetch each from the TOAST table.
alter table kb.kb_chunks alter column embedding set storage main;
create index on kb.kb_chunks (org_id, base_id, model_id, document_id, seq);
create index on kb.kb_chunks (org_id, base_id, document_id);
create index on kb.kb_chunks using gin (tsv);

-- One index for each usual number of dimensions, so that a new model needs no DDL. Models with the same number share
-- one. Vectors of other lengths are searched exactly. HNSW holds at most 2,000 dimensions of 4 bytes.
create index chunks_256 on kb.kb_chunks using hnsw ((embedding::public.vector(256)) public.vector_cosine_ops)
  where dimensions = 256;
create index chunks_384 on kb.kb_chunks using hnsw ((embedding::public.vector(384)) public.vector_cosine_ops)
  where dimensions = 384;
create index chunks_512 on kb.kb_chunks using hnsw ((embedding::public.vector(512)) public.vector_cosine_ops)
  where dimensions = 512;
create index chunks_768 on kb.kb_chunks using hnsw ((embedding::public.vector(768)) public.vector_cosine_ops)
  where dimensions = 768;
create index chunks_1024 on kb.kb_chunks using hnsw ((embedding::public.vector(1024)) public.vector_cosine_ops)
  where dimensions = 1024;
create index chunks_1536 on kb.kb_chunks using hnsw ((embedding::public.vector(1536)) public.vector_cosine_ops)
  where dimensions = 1536;
create index chunks_3072 on kb.kb_chunks using hnsw ((embedding::public.halfvec(3072)) public.halfvec_cosine_ops)
  where dimensions = 3072;

do $$
declare
  name text;
begin
  foreach name in array array['kb_indexes', 'kb_chunks'] loop
    execute format('alter table kb.%I enable row level security, force row level security', name);
    execute format('create trigger audit before insert or update on kb.%I for each row execute function app.audit()', name);
  end loop;
end
$$;

-- Policies --------------------------------------------------------------------------------------------------------

grant select on kb.kb_indexes, kb.kb_chunks to authenticated;
create policy members_read on kb.kb_indexes for select to authenticated
  using (org_id = any (array(select access.org_ids())) and base_id = any (array(select kb.readable_bases())));
create policy members_read on kb.kb_chunks for select to authenticated
  using (org_id = any (array(select access.org_ids())) and base_id = any (array(select kb.readable_bases())));

grant select, insert (org_id, base_id, model_id, dimensions, state, activated_at), update, delete
  on kb.kb_indexes to app_rules;
create policy rules on kb.kb_indexes to app_rules using (true) with check (true);
grant select, delete, insert (
  org_id, base_id, document_id, model_id, seq, content, language, tokens, page, heading, start_char, end_char, embedding
) on kb.kb_chunks to app_rules;
create policy rules on kb.kb_chunks to app_rules using (true) with check (true);

-- Search ----------------------------------------------------------------------------------------------------------

-- Whether these bases, as far as the caller may read them, have more than 20,000 chunks of a model. A function of
-- app_rules: with a policy for each chunk, counting them would take longer than the search.
create function kb.is_large(base_ids uuid[], model_id uuid) returns boolean
  language plpgsql stable security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  orgs uuid[];
  readable uuid[];
begin
  select array_agg(distinct b.org_id), array_agg(b.id) into orgs, readable from kb.kb_bases b
  where b.id = any (is_large.base_ids) and b.id = any (array(select kb.readable_bases()));
  return exists (
    select from kb.kb_chunks c
    where c.org_id = any (orgs) and c.base_id = any (readable) and c.model_id = is_large.model_id offset 20000
  );
end
$$;
alter function kb.is_large(uuid[], uuid) owner to app_rules;
grant execute on function kb.is_large(uuid[], uuid) to authenticated;

-- The chunks of these bases that are nearest to a vector, by the caller's policies. Up to 20,000 chunks are compared
-- one by one: that is exact, and faster than HNSW, which finds the chunks of all tenants and drops those of others.
-- It returns three times as many as wanted, since the order of an iterative scan is approximate. If HNSW gives up before
-- it has enough, the chunks are compared one by one too. Nothing for a zero vector.
create function kb.vector_hits(wanted_model_id uuid, question public.vector, base_ids uuid[], top integer)
  returns table (org_id uuid, id uuid, rank bigint, similarity double precision)
  language plpgsql stable set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  wanted integer := 3 * top;
  readable uuid[];
  dims integer := public.vector_dims(question);
  form text := case
    when dims in (256, 384, 512, 768, 1024, 1536) then format('public.vector(%s)', dims)
    when dims = 3072 then 'public.halfvec(3072)'
  end;
  near_orgs uuid[];
  near_ids uuid[];
  near_distances double precision[];
begin
  if public.vector_norm(question) = 0 then
    return;
  end if;
  -- The planner sees these values, and how many chunks they have. With a base of another tenant among them, it would
  -- expect that one's chunks too (90,000 instead of 10,000: 337 instead of 49 ms).
  readable := array(select b.id from kb.live_bases b where b.id = any (base_ids));
  if form is not null and kb.is_large(readable, wanted_model_id) then
    -- Until the transaction ends. The first use of a vector has loaded the library, which checks these names.
    perform set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.max_scan_tuples', '60000', true),
      set_config('hnsw.ef_search', greatest(least(2 * wanted, 1000), 200)::text, true),
      -- The planner believes that policies leave few rows, and would sort them.
      set_config('enable_sort', 'off', true);
    execute format(
      $sql$
      with near as materialized (
        select c.org_id, c.id, c.embedding::%1$s operator(public.<=>) $1::%1$s as distance
        from kb.kb_chunks c
        where c.dimensions = %2$s and c.model_id = $2 and c.base_id = any ($3)
        order by c.embedding::%1$s operator(public.<=>) $1::%1$s limit $4
      )
      -- `+ 0`: the planner believes that `near` is sorted.
      select array_agg(n.org_id order by n.distance + 0, n.id), array_agg(n.id order by n.distance + 0, n.id),
        array_agg(n.distance order by n.distance + 0, n.id)
      from near n
      $sql$, form, dims
    ) into near_orgs, near_ids, near_distances using question, wanted_model_id, readable, wanted;
    perform set_config('enable_sort', 'on', true);
    if cardinality(near_ids) = wanted then
      return query
        select n.org_id, n.id, n.place, 1 - n.distance
        from unnest(near_orgs, near_ids, near_distances) with ordinality as n (org_id, id, distance, place);
      return;
    end if;
  end if;
  return query
    with near as (
      select c.org_id, c.id, (c.embedding operator(public.<=>) question) + 0 as distance
      from kb.kb_chunks c where c.base_id = any (readable) and c.model_id = wanted_model_id
      order by 3, 2 limit wanted
    )
    select n.org_id, n.id, row_number() over (order by n.distance, n.id), 1 - n.distance from near n;
end
$$;
grant execute on function kb.vector_hits(uuid, public.vector, uuid[], integer) to authenticated;

-- A word as a query, with the characters that a query gives a meaning.
create function kb.word_query(word text) returns tsquery
  language sql immutable parallel safe set search_path = ''
return ('''' || replace(replace(word, '\', '\\'), '''', '''''') || '''')::tsquery;
alter function kb.word_query(text) owner to app_rules;

-- The chunks of these bases that have at least 60 % of a question's words, those with most words first. `coverage` is
-- the share that a chunk has. Each base is searched in the chunks of the model in the same place of `model_ids`.
--
-- A function of app_rules: under the policies of a request, PostgreSQL does not use the index of words, since `@@` is
-- not leakproof. So this function is the boundary between tenants here: it searches bases that the caller may read.
create function kb.text_hits(question text, base_ids uuid[], model_ids uuid[], top integer)
  returns table (org_id uuid, id uuid, rank bigint, coverage double precision)
  language plpgsql stable security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  return query
    with sources as materialized (
      select b.org_id, s.base_id, s.model_id
      from unnest(text_hits.base_ids, text_hits.model_ids) as s (base_id, model_id)
      join kb.kb_bases b on b.id = s.base_id
      where s.base_id = any (array(select kb.readable_bases()))
    ),
    -- The longest words of a long question: they are the rarest.
    words as materialized (
      select l.language, array(
        select w from unnest(tsvector_to_array(kb.to_words(l.language, question))) w order by length(w) desc, w limit 32
      ) as words
      from unnest(array['english', 'french', 'german', 'italian', 'simple', 'spanish']) as l (language)
    ),
    -- A chunk with 3 of 5 words has one of any 3 of them: the index is asked for the longest 3.
    queries as materialized (
      select w.language, cardinality(w.words) as count, ceil(0.6 * cardinality(w.words))::integer as quorum,
        array(select kb.word_query(x) from unnest(w.words) x) as each,
        (select string_agg(kb.word_query(x)::text, ' | ') from unnest(w.words) x)::tsquery as any_word,
        (
          select string_agg(kb.word_query(x)::text, ' | ')
          from unnest(w.words[:cardinality(w.words) - ceil(0.6 * cardinality(w.words))::integer + 1]) x
        )::tsquery as candidates
      from words w where cardinality(w.words) > 0
    ),
    found as (
      select c.org_id, c.id, m.matched / q.count::double precision as share, ts_rank_cd(c.tsv, q.any_word, 1) as density
      from sources s
      cross join queries q
      join kb.kb_chunks c on c.org_id = s.org_id and c.base_id = s.base_id and c.model_id = s.model_id
        and c.language = q.language and c.tsv @@ q.candidates
      cross join lateral (select count(*) as matched from unnest(q.each) x where c.tsv @@ x) m
      where m.matched >= q.quorum
    )
    select f.org_id, f.id, row_number() over (order by f.share desc, f.density desc, f.id), f.share
    from found f order by 3 limit 3 * top;
end
$$;
alter function kb.text_hits(text, uuid[], uuid[], integer) owner to app_rules;
grant execute on function kb.text_hits(text, uuid[], uuid[], integer) to authenticated;

-- Chunks of a document ----------------------------------------------------------------------------------------------

-- Begins to replace the chunks of a document: deletes all that it has, and makes this model the active one of a base
-- that has none. The caller may change the base. Raises a 409 `model_changed` if another model has become active since
-- the vectors were computed. Until the transaction ends, no other one becomes active.
create function kb.clear_chunks(base_id uuid, document_id uuid, model_id uuid, dimensions integer) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  locked kb.kb_documents := kb.lock_document(base_id, document_id);
  active uuid;
begin
  insert into kb.kb_indexes (org_id, base_id, model_id, dimensions, state, activated_at)
  select locked.org_id, locked.base_id, clear_chunks.model_id, clear_chunks.dimensions, 'active', now()
  where not exists (
    select from kb.kb_indexes i where i.org_id = locked.org_id and i.base_id = locked.base_id and i.state = 'active'
  )
  on conflict do nothing;
  select i.model_id into active from kb.kb_indexes i
  where i.org_id = locked.org_id and i.base_id = locked.base_id and i.state = 'active' for share;
  if active is distinct from clear_chunks.model_id then
    raise exception 'model_changed' using errcode = 'OC409',
      detail = 'The base has another embedding model since the document was read. Read it again.';
  end if;
  delete from kb.kb_chunks c
  where c.org_id = locked.org_id and c.base_id = locked.base_id and c.document_id = locked.id;
end
$$;
alter function kb.clear_chunks(uuid, uuid, uuid, integer) owner to app_rules;
grant execute on function kb.clear_chunks(uuid, uuid, uuid, integer) to authenticated;

-- Adds chunks to a document after `kb.clear_chunks`, in the same transaction. The arrays have one value for each chunk.
create function kb.add_chunks(
  base_id uuid, document_id uuid, model_id uuid, language text, first_seq integer, contents text[], tokens integer[],
  pages integer[], headings text[], starts integer[], ends integer[], embeddings public.vector[]
) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  locked kb.kb_documents := kb.lock_document(base_id, document_id);
begin
  insert into kb.kb_chunks (
    org_id, base_id, document_id, model_id, seq, content, language, tokens, page, heading, start_char, end_char, embedding
  )
  select locked.org_id, locked.base_id, locked.id, add_chunks.model_id, first_seq + n.place::integer - 1, n.content,
    add_chunks.language, n.tokens, n.page, n.heading, n.start_char, n.end_char, n.embedding
  from unnest(contents, add_chunks.tokens, pages, headings, starts, ends, embeddings) with ordinality
    as n (content, tokens, page, heading, start_char, end_char, embedding, place);
end
$$;
alter function kb.add_chunks(
  uuid, uuid, uuid, text, integer, text[], integer[], integer[], text[], integer[], integer[], public.vector[]
) owner to app_rules;
grant execute on function kb.add_chunks(
  uuid, uuid, uuid, text, integer, text[], integer[], integer[], text[], integer[], integer[], public.vector[]
) to authenticated;

-- A deleted document has no chunks.
create function kb.drop_chunks() returns trigger
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  delete from kb.kb_chunks c where c.org_id = new.org_id and c.base_id = new.base_id and c.document_id = new.id;
  return null;
end
$$;
alter function kb.drop_chunks() owner to app_rules;
create trigger chunks after update of deleted_at on kb.kb_documents for each row
  when (new.deleted_at is not null and old.deleted_at is null) execute function kb.drop_chunks();

-- Vectors of another model -----------------------------------------------------------------------------------------

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
