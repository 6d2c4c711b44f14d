-- Clinic network: recursive membership policies
DO $$ BEGIN CREATE ROLE anon NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE authenticated NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA auth;
GRANT USAGE ON SCHEMA auth TO anon, authenticated;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
$$ SELECT NULLIF(current_setting('request.jwt.claims', true)::jsonb ->> 'sub', '')::uuid $$;

CREATE TABLE clinics (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL,
  owner_id uuid NOT NULL
);
CREATE TABLE clinic_members (
  clinic_id uuid NOT NULL REFERENCES clinics(id) ON DELETE CASCADE,
  user_id uuid NOT NULL,
  role text NOT NULL DEFAULT 'nurse',
  PRIMARY KEY (clinic_id, user_id)
);
CREATE INDEX ON clinic_members (user_id);
CREATE INDEX ON clinics (owner_id);
CREATE TABLE wards (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  clinic_id uuid NOT NULL REFERENCES clinics(id),
  title text NOT NULL
);
CREATE INDEX ON wards (clinic_id);
CREATE TABLE ward_staff (
  ward_id bigint NOT NULL REFERENCES wards(id),
  user_id uuid NOT NULL,
  PRIMARY KEY (ward_id, user_id)
);
CREATE INDEX ON ward_staff (user_id);
CREATE TABLE patients (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  clinic_id uuid NOT NULL REFERENCES clinics(id),
  full_name text NOT NULL,
  born date
);
CREATE INDEX ON patients (clinic_id);
CREATE TABLE visits (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  patient_id uuid NOT NULL REFERENCES patients(id),
  clinic_id uuid NOT NULL REFERENCES clinics(id),
  notes text
);
CREATE INDEX ON visits (clinic_id);
CREATE INDEX ON visits (patient_id);
CREATE TABLE rooms (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  clinic_id uuid NOT NULL REFERENCES clinics(id),
  label text
);
CREATE INDEX ON rooms (clinic_id);

CREATE SCHEMA priv;
GRANT USAGE ON SCHEMA priv TO authenticated;
CREATE FUNCTION priv.my_clinics() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
$$ SELECT clinic_id FROM public.clinic_members WHERE user_id = (SELECT auth.uid()) $$;
REVOKE ALL ON FUNCTION priv.my_clinics() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION priv.my_clinics() TO authenticated;

-- invoker: recursive through the function body
CREATE FUNCTION is_ward_staff(w bigint) RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT EXISTS (SELECT 1 FROM ward_staff s WHERE s.ward_id = w AND s.user_id = auth.uid()) $$;

ALTER TABLE clinics ENABLE ROW LEVEL SECURITY;
ALTER TABLE clinic_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE wards ENABLE ROW LEVEL SECURITY;
ALTER TABLE wards FORCE ROW LEVEL SECURITY;
ALTER TABLE ward_staff ENABLE ROW LEVEL SECURITY;
ALTER TABLE ward_staff FORCE ROW LEVEL SECURITY;
ALTER TABLE patients ENABLE ROW LEVEL SECURITY;
ALTER TABLE patients FORCE ROW LEVEL SECURITY;
ALTER TABLE visits ENABLE ROW LEVEL SECURITY;
ALTER TABLE visits FORCE ROW LEVEL SECURITY;
ALTER TABLE rooms ENABLE ROW LEVEL SECURITY;
ALTER TABLE rooms FORCE ROW LEVEL SECURITY;

CREATE POLICY members_see_team ON clinic_members FOR SELECT TO authenticated
  USING (clinic_id IN (SELECT m.clinic_id FROM clinic_members m WHERE m.user_id = (SELECT auth.uid())));

CREATE POLICY clinics_read ON clinics FOR SELECT TO authenticated
  USING (id IN (SELECT clinic_id FROM clinic_members WHERE clinic_members.user_id = (SELECT auth.uid())));
CREATE POLICY clinics_owner ON clinics FOR UPDATE TO authenticated
  USING (owner_id = (SELECT auth.uid())) WITH CHECK (owner_id = (SELECT auth.uid()));

CREATE POLICY ward_staff_read ON ward_staff FOR SELECT TO authenticated
  USING (is_ward_staff(ward_id));

CREATE POLICY wards_read ON wards FOR SELECT TO authenticated
  USING (EXISTS (SELECT 1 FROM rooms r WHERE r.clinic_id = wards.clinic_id));
CREATE POLICY rooms_read ON rooms FOR SELECT TO authenticated
  USING (EXISTS (SELECT 1 FROM wards w WHERE w.clinic_id = rooms.clinic_id));

CREATE POLICY patients_all ON patients FOR ALL TO authenticated
  USING (clinic_id IN (SELECT priv.my_clinics()))
  WITH CHECK (clinic_id IN (SELECT priv.my_clinics()));

-- unqualified column bound to the inner table
CREATE POLICY visits_read ON visits FOR SELECT TO authenticated
  USING (EXISTS (SELECT 1 FROM patients p WHERE p.clinic_id = clinic_id));
CREATE POLICY visits_write ON visits FOR INSERT TO authenticated
  WITH CHECK (clinic_id IN (SELECT priv.my_clinics()));

GRANT SELECT, INSERT, UPDATE, DELETE ON clinics, clinic_members, wards, ward_staff, patients, visits, rooms TO authenticated;

-- fault 1: clinic_members.members_see_team: policy selects from its own table -> infinite recursion error on every read
-- fault 2: clinics.clinics_read: reads clinic_members whose policy recurses -> also fails (follow-up of F1)
-- fault 3: ward_staff.ward_staff_read: invoker function is_ward_staff reads ward_staff -> recursion (stack depth) through function
-- fault 4: wards.wards_read <-> rooms.rooms_read: mutual recursion of two tables, and neither names a user
-- fault 5: visits.visits_read: p.clinic_id = clinic_id binds to p.clinic_id (self comparison) -> everyone with any patient sees all visits
-- fault 6: clinics, clinic_members: ENABLE without FORCE -> owner bypasses
-- fault 7: visits_write: patient_id not checked against clinic (FK to another tenant's patient possible: single-column FK)
-- fault 8: auth.uid(): current_setting('request.jwt.claims', true)::jsonb without NULLIF - after SET LOCAL in pooled session the setting is '' -> error
-- right: priv.my_clinics: security definer, search_path '', revoke from public, private schema
-- right: patients.patients_all: IN (select priv.my_clinics()), both clauses
-- right: clinics.clinics_owner: USING + WITH CHECK on owner_id
-- right: visits.visits_write on clinic_id itself
-- right: auth.uid(): NULLIF around the sub claim (but the ::jsonb cast of an empty setting is unguarded: '' ::jsonb errors -> F8)
