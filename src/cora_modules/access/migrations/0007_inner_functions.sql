-- Only app_rules may call these, and it does so in app.identify, app.has_org_role and app.has_sys_role alone, which have
-- fixed the path by then. Fixing it again took 20 of the 450 us of a guarded read.
alter function app.find_user(text, text) reset search_path;
alter function app.find_org_role(uuid) reset search_path;
alter function app.find_sys_role() reset search_path;
