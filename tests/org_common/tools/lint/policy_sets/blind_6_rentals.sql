-- Property rental: views and materialized views
DO $$ BEGIN CREATE ROLE anon NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE authenticated NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA auth;
GRANT USAGE ON SCHEMA auth TO anon, authenticated;
CREATE TABLE auth.users (id uuid PRIMARY KEY, email text, encrypted_password text);
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
$$ SELECT NULLIF(NULLIF(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid $$;
CREATE TABLE agencies (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL);
CREATE TABLE agents (agency_id uuid NOT NULL REFERENCES agencies(id), user_id uuid NOT NULL REFERENCES auth.users(id), PRIMARY KEY (user_id, agency_id));
CREATE INDEX ON agents (agency_id);
CREATE TABLE flats (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), agency_id uuid NOT NULL REFERENCES agencies(id), street text, rent numeric, listed boolean NOT NULL DEFAULT false);
CREATE INDEX ON flats (agency_id);
CREATE TABLE leases (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), agency_id uuid NOT NULL REFERENCES agencies(id), flat_id uuid NOT NULL REFERENCES flats(id), renter text, income numeric);
CREATE INDEX ON leases (agency_id);
CREATE INDEX ON leases (flat_id);

ALTER TABLE agencies ENABLE ROW LEVEL SECURITY; ALTER TABLE agencies FORCE ROW LEVEL SECURITY;
ALTER TABLE agents ENABLE ROW LEVEL SECURITY; ALTER TABLE agents FORCE ROW LEVEL SECURITY;
ALTER TABLE flats ENABLE ROW LEVEL SECURITY; ALTER TABLE flats FORCE ROW LEVEL SECURITY;
ALTER TABLE leases ENABLE ROW LEVEL SECURITY; ALTER TABLE leases FORCE ROW LEVEL SECURITY;
CREATE POLICY agents_own ON agents FOR SELECT TO authenticated USING (user_id = (SELECT auth.uid()));
CREATE POLICY agencies_read ON agencies FOR SELECT TO authenticated
  USING (id IN (SELECT agency_id FROM agents WHERE user_id = (SELECT auth.uid())));
CREATE POLICY flats_rw ON flats FOR ALL TO authenticated
  USING (agency_id IN (SELECT a.agency_id FROM agents a WHERE a.user_id = (SELECT auth.uid())))
  WITH CHECK (agency_id IN (SELECT a.agency_id FROM agents a WHERE a.user_id = (SELECT auth.uid())));
CREATE POLICY flats_public ON flats FOR SELECT TO anon USING (listed);
-- correlated to wrong table
CREATE POLICY leases_rw ON leases FOR ALL TO authenticated
  USING (EXISTS (SELECT 1 FROM agents a WHERE a.agency_id = a.agency_id AND a.user_id = (SELECT auth.uid())));
GRANT SELECT ON agencies, agents TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON flats, leases TO authenticated;
GRANT SELECT (id, street, rent, listed) ON flats TO anon;

-- owner-rights view on RLS table
CREATE VIEW lease_overview AS
  SELECT l.id, l.agency_id, l.renter, f.street, f.rent FROM leases l JOIN flats f ON f.id = l.flat_id;
GRANT SELECT ON lease_overview TO authenticated;

-- correct
CREATE VIEW my_flats WITH (security_invoker = true) AS SELECT id, street, rent FROM flats;
GRANT SELECT ON my_flats TO authenticated;

-- invoker view on top of owner view
CREATE VIEW lease_short WITH (security_invoker = on) AS SELECT id, renter FROM lease_overview;
GRANT SELECT ON lease_short TO authenticated;

-- matview of all tenants
CREATE MATERIALIZED VIEW rent_stats AS
  SELECT agency_id, count(*) AS n, avg(rent) AS avg_rent FROM flats GROUP BY agency_id;
GRANT SELECT ON rent_stats TO authenticated;

-- matview not granted: correct, read through filtered barrier view
CREATE MATERIALIZED VIEW income_stats AS SELECT agency_id, sum(income) AS total FROM leases GROUP BY agency_id;
CREATE VIEW my_income WITH (security_barrier = true) AS
  SELECT * FROM income_stats WHERE agency_id IN (SELECT a.agency_id FROM agents a WHERE a.user_id = auth.uid());
GRANT SELECT ON my_income TO authenticated;

-- auth.users exposed
CREATE VIEW agent_directory AS SELECT u.id, u.email, a.agency_id FROM auth.users u JOIN agents a ON a.user_id = u.id;
GRANT SELECT ON agent_directory TO anon, authenticated;

-- filter without security_barrier
CREATE VIEW my_leases AS
  SELECT * FROM leases WHERE agency_id IN (SELECT a.agency_id FROM agents a WHERE a.user_id = auth.uid());
GRANT SELECT ON my_leases TO authenticated;

-- updatable owner view
CREATE VIEW listed_flats AS SELECT id, street, rent, listed, agency_id FROM flats WHERE listed;
GRANT SELECT, UPDATE, DELETE ON listed_flats TO authenticated;

-- internal report: only the owner has access
CREATE VIEW all_agencies_report AS SELECT a.name, count(*) FROM agencies a JOIN flats f ON f.agency_id = a.id GROUP BY a.name;
REVOKE ALL ON all_agencies_report FROM PUBLIC;

-- fault 1: leases.leases_rw: a.agency_id = a.agency_id tautology -> any agent sees all leases
-- fault 2: lease_overview: owner's rights view, bypasses RLS, granted
-- fault 3: lease_short: invoker view upon owner's view -> still bypasses
-- fault 4: rent_stats: matview over all tenants granted to authenticated
-- fault 5: agent_directory: auth.users exposed to anon
-- fault 6: my_leases: owner rights, filter without security_barrier -> leaky function pushdown
-- fault 7: listed_flats: updatable owner view with UPDATE/DELETE -> writes other tenants' flats, no WITH CHECK OPTION
-- fault 8: auth.users: no RLS (exposed only through view; itself not granted)
-- right: my_flats invoker view
-- right: income_stats not granted + my_income barrier view filtering by user
-- right: all_agencies_report not granted
-- right: flats_public FOR SELECT TO anon USING (listed), flats_rw, agents_own, agencies_read
