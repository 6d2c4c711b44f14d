-- The database roles of a platform. By default they have no privileges.
-- Run as app_migrator, which is not a superuser and cannot bypass row-level security.

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
    -- Roles belong to the server, not to the database: another database, or Supabase, may have created them.
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      begin
        execute format('create role %I %s', wanted.name, wanted.options);
      exception when duplicate_object or unique_violation then
        null; -- created at the same moment by the migration of another database
      end;
    end if;
    if exists (select from pg_catalog.pg_roles where rolname = wanted.name and (rolsuper or rolbypassrls)) then
      raise exception 'the role % is a superuser or bypasses row-level security. Run: alter role % nosuperuser nobypassrls',
        wanted.name, wanted.name;
    end if;
  end loop;
end
$$;

-- The roles that a request can run as. The route picks one of these constants; a token never does.
do $$
begin
  if current_setting('server_version_num')::integer >= 160000 then
    -- An app_login that existed before may have INHERIT.
    execute 'grant anon, authenticated, app_sys to app_login with inherit false';
  else
    grant anon, authenticated, app_sys to app_login;
    if (select rolinherit from pg_catalog.pg_roles where rolname = 'app_login') then
      alter role app_login noinherit;
    end if;
  end if;
end
$$;

-- app_migrator makes app_rules the owner of functions that have to bypass row-level security.
grant app_rules to app_migrator;

-- Revoke what PostgreSQL grants to PUBLIC by default.
alter default privileges revoke execute on functions from public;
alter default privileges revoke usage on types from public;
do $$
begin
  execute format('revoke create, temporary on database %I from public', current_database());
end
$$;

revoke all on schema app from public;
grant usage on schema app to anon, authenticated, app_sys, app_rules, app_service;
-- The owner of a function needs CREATE on its schema.
grant create on schema app to app_rules;
