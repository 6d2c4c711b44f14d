-- Audit columns: who and when, from the claims. They override the values of the statement.
--
--   created_at timestamptz not null, created_by uuid, updated_at timestamptz not null, updated_by uuid
--   create trigger audit before insert or update on … for each row execute function app.audit();

create function app.audit() returns trigger
  language plpgsql volatile set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    new.created_at := now();
    new.created_by := app.uid();
  else
    new.created_at := old.created_at;
    new.created_by := old.created_by;
  end if;
  new.updated_at := now();
  new.updated_by := app.uid();
  return new;
end
$$;
