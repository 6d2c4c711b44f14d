-- `org_id in (select …)` filters a scan of the table; `org_id = any (array(select …))` is an index condition: 12.0
-- instead of 0.14 ms for 100,000 rows without a filter of their own.

alter policy colleagues on access.users using (id = any (array(select access.colleague_ids())));

alter policy members_read on access.orgs using (id = any (array(select access.org_ids())));
alter policy admins_change on access.orgs
  using (id = any (array(select access.org_ids('org_admin'))))
  with check (id = any (array(select access.org_ids('org_admin'))));
alter policy owners_remove on access.orgs using (id = any (array(select access.org_ids('org_owner'))));

alter policy members_read on access.org_members using (org_id = any (array(select access.org_ids())));

alter policy admins_read on access.org_email_domains using (org_id = any (array(select access.org_ids('org_admin'))));
alter policy admins_change on access.org_email_domains using (org_id = any (array(select access.org_ids('org_admin'))));
alter policy admins_remove on access.org_email_domains
  using (org_id = any (array(select access.org_ids('org_admin'))));

alter policy admins_read on access.invites using (org_id = any (array(select access.org_ids('org_admin'))));
