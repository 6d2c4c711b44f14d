-- An analytics product that keeps the tenant in a setting.
create schema stats;
grant usage on schema stats to authenticated;
create table stats.sites (account_id bigint not null, id bigint generated always as identity, domain text, primary key (account_id, id));
create table stats.hits (account_id bigint not null, id bigint generated always as identity, path text, primary key (account_id, id));
create table stats.goals (account_id bigint not null, id bigint generated always as identity, name text, primary key (account_id, id));
create table stats.reports (account_id bigint not null, id bigint generated always as identity, name text, primary key (id, account_id));
create table stats.exports (account_id bigint not null, id bigint generated always as identity, name text, primary key (account_id, id));
create table stats.alerts (account_id bigint not null, id bigint generated always as identity, name text, primary key (account_id, id));
create table stats.funnels (account_id bigint not null, id bigint generated always as identity, name text, primary key (account_id, id));
create table stats.labels (account_id bigint not null, id bigint generated always as identity, name text, primary key (account_id, id));
alter table stats.sites enable row level security, force row level security;
alter table stats.hits enable row level security, force row level security;
alter table stats.goals enable row level security, force row level security;
alter table stats.reports enable row level security, force row level security;
alter table stats.exports enable row level security, force row level security;
alter table stats.alerts enable row level security, force row level security;
alter table stats.funnels enable row level security, force row level security;
alter table stats.labels enable row level security, force row level security;
grant select on all tables in schema stats to authenticated;

-- fault 1: the setting is '' on a connection that was used before: the cast fails
create policy own on stats.sites for select to authenticated
  using (account_id = (select current_setting('app.account', true)::bigint));
-- fault 2: without the setting, all rows are visible
create policy own on stats.hits for select to authenticated using (
  account_id = (select nullif(current_setting('app.account', true), '')::bigint)
  or current_setting('app.account', true) is null
);
-- fault 3: the same with coalesce: the row's own account stands in for the missing one
create policy own on stats.goals for select to authenticated
  using (account_id = coalesce(nullif(current_setting('app.account', true), '')::bigint, account_id));
-- fault 4: the setting is read again for each row, as no index begins with the column
create policy own on stats.reports for select to authenticated
  using (account_id = nullif(current_setting('app.account', true), '')::bigint);
-- fault 5: the column is cast, so no index on it serves the policy
create policy own on stats.exports for select to authenticated
  using (account_id::text = (select current_setting('app.account', true)));
-- fault 6: the cast without nullif is inside a function that the policy calls
create function stats.account() returns bigint language sql stable set search_path = ''
  as $$ select current_setting('app.account', true)::bigint $$;
grant execute on function stats.account() to authenticated;
create policy own on stats.alerts for select to authenticated using (account_id = (select stats.account()));
-- fault 7: an empty setting opens the table
create policy own on stats.funnels for select to authenticated using (
  current_setting('app.account', true) = '' or account_id = (select nullif(current_setting('app.account', true), '')::bigint)
);
-- fault 8: a second setting, which any session can set, switches the policy off
create policy own on stats.labels for select to authenticated using (
  account_id = (select nullif(current_setting('app.account', true), '')::bigint)
  or (select current_setting('app.bypass', true)) = 'on'
);
