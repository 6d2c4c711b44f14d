-- The caller of a transaction: the claims that the SDK sets, under the names that Supabase and PostgREST use.

-- After a transaction the setting is '' instead of null for the rest of the connection: hence nullif.
-- The bodies are parsed now (SQL-standard form), so no search_path can change what they call. Without a SET clause they
-- are inlined into the policies that use them.
create function app.claims() returns jsonb
  language sql stable
  return coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb;
grant execute on function app.claims() to anon, authenticated, app_sys, app_rules, app_service;

create function app.uid() returns uuid
  language sql stable
  return nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid;
grant execute on function app.uid() to anon, authenticated, app_sys, app_rules, app_service;

-- The same under Supabase's names, for policies that were written for it. An existing schema `auth` stays unchanged: on
-- Supabase neither app_migrator nor app_rules has access to it, so none of our code relies on it.
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

-- The id of the user that a token belongs to. A module replaces this function with a look-up in its own tables (`create
-- or replace`). It returns null for an unknown or a deactivated user.
create function app.find_user(token_issuer text, token_subject text) returns uuid
  language plpgsql stable set search_path = ''
as $$
begin
  raise exception 'app.find_user(token_issuer, token_subject) is not defined: a migration must return the user of a token'
    using errcode = '0A000', hint = 'create or replace function app.find_user(token_issuer text, token_subject text) returns uuid …';
end
$$;
alter function app.find_user(text, text) owner to app_rules;

-- Replaces the token's subject by the platform's user; sent after the claims of each transaction. Returns the claims
-- that apply from then on: `sub` is the user's id, or null where an unknown caller is allowed, and `outer_sub` the
-- subject of the token.
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

-- Enforces the access rule of a route: true continues, false is a 403, null is a 404.
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

-- `a | b` of access rules: true if any is true, else false if any is false, else null.
create function app.any_of(variadic answers boolean[]) returns boolean
  language sql immutable
  return case when true = any (answers) then true when false = any (answers) then false end;
grant execute on function app.any_of(boolean[]) to anon, authenticated, app_sys;

-- `a & b` of access rules: null if any is null, else false if any is false, else true.
create function app.all_of(variadic answers boolean[]) returns boolean
  language sql immutable
  return case when array_position(answers, null) is not null then null else not (false = any (answers)) end;
grant execute on function app.all_of(boolean[]) to anon, authenticated, app_sys;

-- Sent before COMMIT: checks that role and claims are still those that the transaction began with.
create function app.recheck(role text, claims text) returns void
  language plpgsql stable set search_path = ''
as $$
begin
  if current_user <> role or current_setting('request.jwt.claims', true) is distinct from claims then
    raise exception 'role or claims changed within the transaction' using errcode = 'OCMOV';
  end if;
end
$$;
grant execute on function app.recheck(text, text) to anon, authenticated, app_sys;
