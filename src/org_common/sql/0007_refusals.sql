-- A message that its sink refuses again and again steps aside: first for a while, in the end until somebody has looked.

alter table app.outbox
  add column refusals integer not null default 0,
  add column retry_at timestamptz,
  add column parked_at timestamptz,
  add column reason text;
-- Those of a key wait for the one that was refused before them.
create index on app.outbox (queue, key) where retry_at is not null or parked_at is not null;
grant update (refusals, retry_at, parked_at, reason) on app.outbox to app_service;
