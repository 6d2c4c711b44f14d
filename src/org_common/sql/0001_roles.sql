-- The roles of a platform, and what they may do by default: nothing.
-- Run as app_migrator, which is no superuser and cannot bypass row-level security.

do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('anon', 'nologin'),
      ('authenticated', 'nologin'),
      ('app_sys', 'nologin'),
      ('app_rules', 'nologin'),
      ('app_login', 'login noinherit'),
      ('app_service', 'login noinherit')
    ) as roles (name, options)
  loop
    -- Roles belong to the server, not to the database: another database, or Supabase, may have made them.
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      begin
        execute format('create role %I %s', wanted.name, wanted.options);
      exception when duplicate_object or unique_violation then
        null; -- made at this moment by the migration of another database
      end;
    end if;
    if exists (select from pg_catalog.pg_roles where rolname = wanted.name and (rolsuper or rolbypassrls)) then
      raise exception 'the role % is a superuser or bypasses row-level security: alter role % nosuperuser nobypassrls',
        wanted.name, wanted.name;
    end if;
  end loop;
end
$$;

-- What a request may become. The route picks one of these constants; no token does.
do $$
begin
  if current_setting('server_version_num')::integer >= 160000 then
    -- Whoever made app_login may have let it inherit.
    execute 'grant anon, authenticated, app_sys to app_login with inherit false';
  else
    grant anon, authenticated, app_sys to app_login;
    if (select rolinherit from pg_catalog.pg_roles where rolname = 'app_login') then
      alter role app_login noinherit;
    end if;
  end if;
end
$$;

-- To own what must look past row-level security, app_migrator hands functions to app_rules.
grant app_rules to app_migrator;

-- Nothing is for everybody.
alter default privileges revoke execute on functions from public;
alter default privileges revoke usage on types from public;
do $$
begin
  execute format('revoke create, temporary on database %I from public', current_database());
end
$$;

revoke all on schema app from public;
grant usage on schema app to anon, authenticated, app_sys, app_rules, app_service;
-- A function's owner must be allowed to create in its schema.
grant create on schema app to app_rules;
