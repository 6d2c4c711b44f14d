-- One policy for each command that access uses, so that another module can have its own for INSERT.
drop policy access_mail on app.outbox;
create policy access_mail_read on app.outbox for select to app_rules
  using (queue = 'mail' and message ->> 'template' = 'invite');
create policy access_mail_remove on app.outbox for delete to app_rules
  using (queue = 'mail' and message ->> 'template' = 'invite');
