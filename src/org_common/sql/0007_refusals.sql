-- A message that the queue keeps rejecting is retried with growing delays, then parked until an operator handles it.

alter table app.outbox
  add column refusals integer not null default 0,
  add column retry_at timestamptz,
  add column parked_at timestamptz,
  add column reason text;
-- Later messages of a key wait for a rejected one.
create index on app.outbox (queue, key) where retry_at is not null or parked_at is not null;
grant update (refusals, retry_at, parked_at, reason) on app.outbox to app_service;
