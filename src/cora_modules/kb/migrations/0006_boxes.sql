-- Where a chunk of a PDF is on its page.

alter table kb.kb_chunks
  -- Left, bottom, right and top of the smallest rectangle around its lines, in points. The origin is that of the page,
  -- usually its lower left corner. Null for other formats, and for a text whose place is not known.
  add column box real[] check (array_ndims(box) = 1 and cardinality(box) = 4 and array_position(box, null) is null);
grant insert (box) on kb.kb_chunks to app_rules;

-- As before, with boxes: one for each chunk, as the text of an array such as {50,700.5,300,780}, since PostgreSQL has no
-- arrays of arrays of different lengths. Without them by default: workers of the version before call it.
drop function kb.add_chunks(
  uuid, uuid, uuid, text, integer, text[], integer[], integer[], text[], integer[], integer[], public.vector[]
);
create function kb.add_chunks(
  base_id uuid, document_id uuid, model_id uuid, language text, first_seq integer, contents text[], tokens integer[],
  pages integer[], headings text[], starts integer[], ends integer[], embeddings public.vector[],
  boxes text[] default null
) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  locked kb.kb_documents := kb.lock_document(base_id, document_id);
begin
  insert into kb.kb_chunks (
    org_id, base_id, document_id, model_id, seq, content, language, tokens, page, heading, start_char, end_char, embedding,
    box
  )
  select locked.org_id, locked.base_id, locked.id, add_chunks.model_id, first_seq + n.place::integer - 1, n.content,
    add_chunks.language, n.tokens, n.page, n.heading, n.start_char, n.end_char, n.embedding,
    n.box::real[]
  from unnest(contents, add_chunks.tokens, pages, headings, starts, ends, embeddings, boxes) with ordinality
    as n (content, tokens, page, heading, start_char, end_char, embedding, box, place);
end
$$;
alter function kb.add_chunks(
  uuid, uuid, uuid, text, integer, text[], integer[], integer[], text[], integer[], integer[], public.vector[], text[]
) owner to app_rules;
revoke execute on function kb.add_chunks(
  uuid, uuid, uuid, text, integer, text[], integer[], integer[], text[], integer[], integer[], public.vector[], text[]
) from public;
grant execute on function kb.add_chunks(
  uuid, uuid, uuid, text, integer, text[], integer[], integer[], text[], integer[], integer[], public.vector[], text[]
) to authenticated, app_service;

-- As before: the copy of a chunk for another model has its box.
create or replace function kb.add_vectors(base_id uuid, model_id uuid, chunk_ids uuid[], embeddings public.vector[]) returns integer
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  added integer;
begin
  perform app.require(kb.can_write(add_vectors.base_id));
  insert into kb.kb_chunks (
    org_id, base_id, document_id, model_id, seq, content, language, tokens, page, heading, start_char, end_char, embedding,
    box
  )
  select c.org_id, c.base_id, c.document_id, i.model_id, c.seq, c.content, c.language, c.tokens, c.page, c.heading,
    c.start_char, c.end_char, n.embedding, c.box
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
