-- An UPDATE that changes no column keeps `updated_at` and `updated_by`.

create or replace function app.audit() returns trigger
  language plpgsql volatile set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    new.created_at := now();
    new.created_by := app.uid();
  else
    -- Ignore the statement's values of these four columns before comparing.
    new.created_at := old.created_at;
    new.created_by := old.created_by;
    new.updated_at := old.updated_at;
    new.updated_by := old.updated_by;
    -- `*=` compares bytes: by the equality of their type, 1.0 and 1.00 would be equal.
    if new *= old then
      return new;
    end if;
  end if;
  new.updated_at := now();
  new.updated_by := app.uid();
  return new;
end
$$;
