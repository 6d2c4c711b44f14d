-- School platform: tables without RLS, without FORCE and other gaps
DO $$ BEGIN CREATE ROLE anon NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE authenticated NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE school_owner NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE reporting NOLOGIN BYPASSRLS; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA school;
GRANT USAGE ON SCHEMA school TO anon, authenticated, reporting, school_owner;

CREATE FUNCTION school.current_school() RETURNS int LANGUAGE sql STABLE AS
$$ SELECT NULLIF(current_setting('app.school_id', true), '')::int $$;

CREATE TABLE school.schools (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE school.subjects (code text PRIMARY KEY, title text NOT NULL);   -- lookup, no tenant
CREATE TABLE school.pupils (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  school_id int NOT NULL REFERENCES school.schools(id),
  name text NOT NULL
);
CREATE INDEX ON school.pupils (school_id);
CREATE TABLE school.grades (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  school_id int NOT NULL REFERENCES school.schools(id),
  pupil_id int NOT NULL REFERENCES school.pupils(id),
  subject text REFERENCES school.subjects(code),
  mark numeric
);
CREATE INDEX ON school.grades (school_id);
CREATE INDEX ON school.grades (pupil_id);
CREATE TABLE school.absences (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  school_id int NOT NULL REFERENCES school.schools(id),
  pupil_id int NOT NULL,
  day date NOT NULL
);
CREATE TABLE school.messages (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  school_id int REFERENCES school.schools(id),
  body text NOT NULL
);
CREATE INDEX ON school.messages (school_id);
CREATE TABLE school.attachments (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  message_id bigint NOT NULL REFERENCES school.messages(id),
  path text NOT NULL
);
CREATE INDEX ON school.attachments (message_id);
CREATE TABLE school.timetable (
  school_id int NOT NULL REFERENCES school.schools(id),
  slot int NOT NULL,
  class text NOT NULL,
  PRIMARY KEY (school_id, slot)
);

ALTER TABLE school.pupils OWNER TO school_owner;
ALTER TABLE school.grades OWNER TO school_owner;
GRANT school_owner TO authenticated;

ALTER TABLE school.schools ENABLE ROW LEVEL SECURITY;
ALTER TABLE school.schools FORCE ROW LEVEL SECURITY;
CREATE POLICY own_school ON school.schools FOR SELECT TO authenticated USING (id = (SELECT school.current_school()));

ALTER TABLE school.pupils ENABLE ROW LEVEL SECURITY;
CREATE POLICY pupils_tenant ON school.pupils TO authenticated
  USING (school_id = (SELECT school.current_school()));

-- policies written, ENABLE forgotten
CREATE POLICY grades_tenant ON school.grades TO authenticated
  USING (school_id = (SELECT school.current_school()))
  WITH CHECK (school_id = (SELECT school.current_school()));

-- RLS on, no policy
ALTER TABLE school.absences ENABLE ROW LEVEL SECURITY;
ALTER TABLE school.absences FORCE ROW LEVEL SECURITY;

ALTER TABLE school.messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE school.messages FORCE ROW LEVEL SECURITY;
CREATE POLICY messages_tenant ON school.messages FOR SELECT TO authenticated
  USING (school_id = (SELECT school.current_school()) OR school_id IS NULL);
CREATE POLICY messages_post ON school.messages FOR INSERT TO authenticated WITH CHECK (true);
CREATE POLICY messages_edit ON school.messages FOR UPDATE TO authenticated
  USING (school_id = (SELECT school.current_school())) WITH CHECK (true);

ALTER TABLE school.timetable ENABLE ROW LEVEL SECURITY;
ALTER TABLE school.timetable FORCE ROW LEVEL SECURITY;
CREATE POLICY tt_tenant ON school.timetable FOR ALL TO authenticated
  USING (school_id = (SELECT school.current_school()))
  WITH CHECK (school_id = (SELECT school.current_school()));

GRANT SELECT ON school.subjects TO anon, authenticated;
GRANT SELECT ON school.schools TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON school.pupils, school.grades, school.absences, school.attachments, school.timetable TO authenticated;
GRANT SELECT, INSERT, UPDATE ON school.messages TO authenticated;
GRANT TRUNCATE ON school.timetable TO authenticated;
GRANT SELECT ON ALL TABLES IN SCHEMA school TO reporting;
GRANT reporting TO authenticated;

-- fault 1: school.pupils: ENABLE without FORCE and its owner school_owner is granted to authenticated -> RLS bypassed
-- fault 2: school.grades: policy without ENABLE -> no RLS at all
-- fault 3: school.absences: RLS on, no policy -> always empty; also school_id not indexed
-- fault 4: school.messages.messages_post: WITH CHECK (true)
-- fault 5: school.messages.messages_edit: WITH CHECK (true) -> rows may be moved to another tenant
-- fault 6: school.attachments: no RLS; child of messages via message_id; granted to authenticated
-- fault 7: school.timetable: TRUNCATE granted, RLS doesn't apply to truncate
-- fault 8: role reporting BYPASSRLS granted to authenticated (SET ROLE reporting -> reads everything)
-- fault 9: school.messages: school_id nullable, policy OR school_id IS NULL (rows visible to all; unowned rows shared)
-- right: school.subjects lookup table, SELECT only, no tenant column, no RLS (acceptable)
-- right: school.schools.own_school
-- right: timetable.tt_tenant policy itself
-- right: school.current_school(): NULLIF+missing_ok
-- right: pupils_tenant: FOR ALL USING without WITH CHECK (uses USING as check -> correct)
