-- The caller of a unit: the claims that the SDK set, under the names that Supabase and PostgREST use.

-- After a unit the setting is '' and not null, on that connection for ever: hence nullif.
-- The bodies are parsed here and now (SQL-standard form), so no search_path can change what they call, and without a SET
-- clause they are inlined into the policies that use them.
create function app.claims() returns jsonb
  language sql stable
  return coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb;
grant execute on function app.claims() to anon, authenticated, app_sys, app_rules, app_service;

create function app.uid() returns uuid
  language sql stable
  return nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid;
grant execute on function app.uid() to anon, authenticated, app_sys, app_rules, app_service;

-- The same under Supabase's names, for policies that were written for it. Where there is a schema auth it is left alone:
-- on Supabase neither app_migrator nor app_rules may even look into it, so nothing of ours relies on it.
do $$
begin
  if not exists (select from pg_catalog.pg_namespace where nspname = 'auth') then
    create schema auth;
    grant usage on schema auth to anon, authenticated, app_sys, app_rules, app_service;
    create function auth.jwt() returns jsonb
      language sql stable
      return coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb;
    create function auth.uid() returns uuid
      language sql stable
      return nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid;
    grant execute on function auth.jwt(), auth.uid() to anon, authenticated, app_sys, app_rules, app_service;
  end if;
end
$$;

-- The platform answers this: which of its users is this caller? A module replaces it with a look-up in its own tables
-- (`create or replace`); null is a caller that it does not know, or does not let in any more.
create function app.find_user(token_issuer text, token_subject text) returns uuid
  language plpgsql stable set search_path = ''
as $$
begin
  raise exception 'app.find_user(token_issuer, token_subject) is not defined: a migration must say which user a token belongs to'
    using errcode = '0A000', hint = 'create or replace function app.find_user(token_issuer text, token_subject text) returns uuid …';
end
$$;
alter function app.find_user(text, text) owner to app_rules;

-- From the token's subject to the platform's user: sent behind the claims of each unit. Answers the claims that stand
-- from then on: `sub` is the user's id, or null where an unknown caller is allowed; `outer_sub` keeps the token's.
create function app.identify(required boolean) returns text
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  user_id uuid;
begin
  if claims ? 'outer_sub' then
    return claims::text;
  end if;
  user_id := app.find_user(claims ->> 'iss', claims ->> 'sub');
  if user_id is null and required then
    raise exception 'unknown user' using errcode = 'OCUSR';
  end if;
  claims := claims || jsonb_build_object('outer_sub', claims -> 'sub', 'sub', user_id);
  return set_config('request.jwt.claims', claims::text, true);
end
$$;
alter function app.identify(boolean) owner to app_rules;
grant execute on function app.identify(boolean) to authenticated, app_sys;

-- The answer of a route's rule: true goes on, false is 403, null is 404.
create function app.require(allowed boolean) returns void
  language plpgsql stable set search_path = ''
as $$
begin
  if allowed then
    return;
  elsif allowed is null then
    raise exception 'not_found' using errcode = 'OC404';
  end if;
  raise exception 'forbidden' using errcode = 'OC403';
end
$$;
grant execute on function app.require(boolean) to anon, authenticated, app_sys;

-- Rules combine: any true is true, else any false is false, else null.
create function app.any_of(variadic answers boolean[]) returns boolean
  language sql immutable
  return case when true = any (answers) then true when false = any (answers) then false end;
grant execute on function app.any_of(boolean[]) to anon, authenticated, app_sys;

-- And: any null is null, else any false is false, else true.
create function app.all_of(variadic answers boolean[]) returns boolean
  language sql immutable
  return case when array_position(answers, null) is not null then null else not (false = any (answers)) end;
grant execute on function app.all_of(boolean[]) to anon, authenticated, app_sys;

-- Sent in front of COMMIT: role and claims are still those that the unit began with.
create function app.recheck(role text, claims text) returns void
  language plpgsql stable set search_path = ''
as $$
begin
  if current_user <> role or current_setting('request.jwt.claims', true) is distinct from claims then
    raise exception 'role or claims changed within the unit' using errcode = 'OCMOV';
  end if;
end
$$;
grant execute on function app.recheck(text, text) to anon, authenticated, app_sys;
