"""SQL of the settings of functions."""

_COLUMNS = "s.function, s.memory_mb, s.provisioned, s.schedule, s.applied_at, s.updated_at"

LIST_SETTINGS = "select " + _COLUMNS + " from mgmt.lambda_settings s"

CHANGE_SETTING = (
    """
insert into mgmt.lambda_settings as s (function, memory_mb, provisioned, schedule)
select %(function)s, p.memory_mb, p.provisioned, p.schedule
from jsonb_populate_record(null::mgmt.lambda_settings, app.merge_patch('{}', %(patch)s)) p
on conflict (function) do update set (memory_mb, provisioned, schedule) = (
  select p.memory_mb, p.provisioned, p.schedule
  from jsonb_populate_record(null::mgmt.lambda_settings, app.merge_patch(
    jsonb_build_object('memory_mb', s.memory_mb, 'provisioned', s.provisioned, 'schedule', s.schedule), %(patch)s)) p
)
returning """
    + _COLUMNS
)

BEGIN_SYNC = "select " + _COLUMNS + " from mgmt.begin_sync() s"

FINISH_SYNC = "select mgmt.finish_sync(%(failures)s)"
