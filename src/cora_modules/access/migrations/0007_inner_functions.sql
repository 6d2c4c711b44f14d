-- Only app_rules may call these functions, and only app.identify, app.has_org_role and app.has_sys_role do, which have
-- already set the search path. Setting it again took 20 of the 450 us of a guarded read.
alter function app.find_user(text, text) reset search_path;
alter function app.find_org_role(uuid) reset search_path;
alter function app.find_sys_role() reset search_path;
