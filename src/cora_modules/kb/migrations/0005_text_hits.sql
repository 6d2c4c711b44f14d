-- A search for frequent words took 30 ms where 2,000 chunks have most of them, 24 of these for the words. The index was
-- read once for each of six languages, each word was looked up in each chunk, and the cover density of each chunk was
-- computed. Now the index is read once, the words of a chunk are counted by deleting them from its list, and `ts_rank`
-- orders chunks with as many words. The search takes 10 ms, and finds the same on the questions of the benchmark.
create or replace function kb.text_hits(question text, base_ids uuid[], model_ids uuid[], top integer)
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
      select w.language, w.words, cardinality(w.words) as count, ceil(0.6 * cardinality(w.words))::integer as quorum,
        (select string_agg(kb.word_query(x)::text, ' | ') from unnest(w.words) x)::tsquery as any_word,
        (
          select string_agg(kb.word_query(x)::text, ' | ')
          from unnest(w.words[:cardinality(w.words) - ceil(0.6 * cardinality(w.words))::integer + 1]) x
        ) as candidates
      from words w where cardinality(w.words) > 0
    ),
    found as (
      select c.org_id, c.id, m.matched / q.count::double precision as share, ts_rank(c.tsv, q.any_word, 1) as density
      from sources s
      join kb.kb_chunks c on c.org_id = s.org_id and c.base_id = s.base_id and c.model_id = s.model_id
        and c.tsv @@ (select string_agg(a.candidates, ' | ')::tsquery from queries a)
      join queries q on q.language = c.language
      cross join lateral (select length(c.tsv) - length(ts_delete(c.tsv, q.words)) as matched) m
      where m.matched >= q.quorum
    )
    select f.org_id, f.id, row_number() over (order by f.share desc, f.density desc, f.id), f.share
    from found f order by 3 limit 3 * top;
end
$$;
