-- A project tracker. Teams share boards; who is in a team is itself a table under row-level security.
create schema track;
grant usage on schema track to authenticated;
create table track.teams (id uuid primary key default gen_random_uuid(), name text not null);
create table track.memberships (
  team_id uuid not null references track.teams, user_id uuid not null, level text not null default 'reader',
  primary key (team_id, user_id)
);
create table track.boards (team_id uuid not null references track.teams, id uuid not null default gen_random_uuid(),
  title text, primary key (team_id, id));
create table track.watchers (team_id uuid not null, board_id uuid not null, user_id uuid not null,
  primary key (team_id, board_id, user_id), foreign key (team_id, board_id) references track.boards);
create table track.pins (team_id uuid not null, board_id uuid not null, user_id uuid not null,
  primary key (team_id, board_id, user_id), foreign key (team_id, board_id) references track.boards);
create table track.guests (team_id uuid not null references track.teams, user_id uuid not null,
  primary key (team_id, user_id));
create function track.me() returns uuid language sql stable
  return nullif(current_setting('app.user', true), '')::uuid;
alter table track.teams enable row level security, force row level security;
alter table track.memberships enable row level security, force row level security;
alter table track.boards enable row level security, force row level security;
alter table track.watchers enable row level security, force row level security;
alter table track.pins enable row level security, force row level security;
alter table track.guests enable row level security, force row level security;
grant select on all tables in schema track to authenticated;

-- fault 1: the policy of memberships selects from memberships (infinite recursion on every read)
create policy teammates on track.memberships for select to authenticated using (
  team_id in (select m.team_id from track.memberships m where m.user_id = (select track.me()))
);
-- fault 2: two tables whose policies read each other (watchers reads pins, pins reads watchers)
create policy w on track.watchers for select to authenticated using (
  exists (select from track.pins p where p.team_id = watchers.team_id and p.board_id = watchers.board_id)
);
create policy p on track.pins for select to authenticated using (
  exists (select from track.watchers w where w.team_id = pins.team_id and w.board_id = pins.board_id)
);
-- fault 3: the recursion is hidden in a function with the rights of its caller
create function track.guest_teams() returns setof uuid language sql stable set search_path = ''
  as 'select team_id from track.guests where user_id = track.me()';
grant execute on function track.guest_teams() to authenticated;
create policy g on track.guests for select to authenticated using (
  team_id = any (array(select track.guest_teams()))
);
-- fault 4: membership of boards is compared with itself: m.team_id = team_id binds to the inner table
create policy b on track.boards for select to authenticated using (
  exists (select from track.memberships m where m.team_id = team_id and m.user_id = (select track.me()))
);
-- fault 5: an existence test that never looks at the row: a member of any team sees all teams
create policy t on track.teams for select to authenticated using (
  exists (select from track.memberships m where m.user_id = (select track.me()))
);
