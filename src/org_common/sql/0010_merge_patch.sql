-- A JSON merge patch (RFC 7396) in depth: members of the patch replace those of the target, null removes one, and an
-- object is merged into an object. Anything else, an array too, replaces the target. Takes time in proportion to the
-- members of both.

create function app.merge_patch(target jsonb, patch jsonb) returns jsonb
  language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  if jsonb_typeof(patch) is distinct from 'object' then
    return patch;
  end if;
  if jsonb_typeof(target) is distinct from 'object' then
    target := '{}';
  end if;
  return (
    select coalesce(jsonb_object_agg(merged.key, merged.value), '{}')
    from (
      select t.key, t.value from jsonb_each(target) t where not merge_patch.patch ? t.key
      union all
      select p.key, case jsonb_typeof(p.value) when 'object' then app.merge_patch(target -> p.key, p.value) else p.value end
      from jsonb_each(patch) p where p.value <> 'null'
    ) merged
  );
end
$$;
grant execute on function app.merge_patch(jsonb, jsonb) to anon, authenticated, app_sys, app_rules, app_service;
