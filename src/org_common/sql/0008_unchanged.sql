-- An update that changes nothing is none: it moves neither time nor author.

create or replace function app.audit() returns trigger
  language plpgsql volatile set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    new.created_at := now();
    new.created_by := app.uid();
  else
    -- What a statement says of these four counts for nothing, so it makes no difference either.
    new.created_at := old.created_at;
    new.created_by := old.created_by;
    new.updated_at := old.updated_at;
    new.updated_by := old.updated_by;
    -- By the bytes, not by the types' own equality, to which 1.0 and 1.00 are the same.
    if new *= old then
      return new;
    end if;
  end if;
  new.updated_at := now();
  new.updated_by := app.uid();
  return new;
end
$$;
