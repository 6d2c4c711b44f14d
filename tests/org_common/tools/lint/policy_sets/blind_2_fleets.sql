-- Fleet management: roles that members can raise
DO $$ BEGIN CREATE ROLE anon NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE authenticated NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA auth;
GRANT USAGE ON SCHEMA auth TO anon, authenticated;
CREATE TABLE auth.users (id uuid PRIMARY KEY, email text);
CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS
$$ SELECT NULLIF(current_setting('request.jwt.claims', true), '')::jsonb $$;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
$$ SELECT NULLIF(NULLIF(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid $$;

CREATE TYPE fleet_role AS ENUM ('driver', 'dispatcher', 'manager');
CREATE TABLE fleets (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, plan text NOT NULL DEFAULT 'free');
CREATE TABLE profiles (
  id uuid PRIMARY KEY REFERENCES auth.users(id),
  fleet_id uuid REFERENCES fleets(id),
  display_name text,
  is_admin boolean NOT NULL DEFAULT false
);
CREATE INDEX ON profiles (fleet_id);
CREATE TABLE fleet_members (
  fleet_id uuid NOT NULL REFERENCES fleets(id),
  user_id uuid NOT NULL REFERENCES auth.users(id),
  role fleet_role NOT NULL DEFAULT 'driver',
  nickname text,
  PRIMARY KEY (user_id, fleet_id)
);
CREATE INDEX ON fleet_members (fleet_id);
CREATE TABLE depot_members (
  depot text NOT NULL,
  fleet_id uuid NOT NULL REFERENCES fleets(id),
  user_id uuid NOT NULL,
  role text NOT NULL DEFAULT 'loader',
  phone text,
  PRIMARY KEY (user_id, fleet_id, depot)
);
CREATE INDEX ON depot_members (fleet_id);
CREATE TABLE invitations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  fleet_id uuid NOT NULL REFERENCES fleets(id),
  email text NOT NULL,
  role fleet_role NOT NULL DEFAULT 'driver',
  accepted boolean NOT NULL DEFAULT false
);
CREATE INDEX ON invitations (fleet_id);
CREATE INDEX ON invitations (email);
CREATE TABLE vehicles (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  fleet_id uuid NOT NULL REFERENCES fleets(id),
  plate text NOT NULL,
  UNIQUE (plate)
);
CREATE INDEX ON vehicles (fleet_id);
CREATE TABLE fuel_cards (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  fleet_id uuid NOT NULL REFERENCES fleets(id),
  pin text
);
CREATE INDEX ON fuel_cards (fleet_id);

CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO authenticated;
CREATE FUNCTION app.has_role(f uuid, wanted fleet_role) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$ SELECT EXISTS (SELECT 1 FROM public.fleet_members m WHERE m.fleet_id = f AND m.user_id = auth.uid() AND m.role >= wanted) $$;
REVOKE ALL ON FUNCTION app.has_role(uuid, fleet_role) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.has_role(uuid, fleet_role) TO authenticated;
CREATE FUNCTION app.my_fleets() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$ SELECT m.fleet_id FROM public.fleet_members m WHERE m.user_id = auth.uid() $$;
REVOKE ALL ON FUNCTION app.my_fleets() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.my_fleets() TO authenticated;

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['fleets','profiles','fleet_members','depot_members','invitations','vehicles','fuel_cards'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
  END LOOP;
END $$;

CREATE POLICY fleets_read ON fleets FOR SELECT TO authenticated USING (id IN (SELECT app.my_fleets()));

-- own profile, all columns including is_admin and fleet_id
CREATE POLICY profile_own ON profiles FOR ALL TO authenticated
  USING (id = (SELECT auth.uid())) WITH CHECK (id = (SELECT auth.uid()));
GRANT SELECT, INSERT, UPDATE ON profiles TO authenticated;

CREATE POLICY fm_read ON fleet_members FOR SELECT TO authenticated USING (fleet_id IN (SELECT app.my_fleets()));
CREATE POLICY fm_update_self ON fleet_members FOR UPDATE TO authenticated
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY fm_join ON fleet_members FOR INSERT TO authenticated
  WITH CHECK (user_id = (SELECT auth.uid()));
GRANT SELECT, INSERT, UPDATE ON fleet_members TO authenticated;

-- correct: update own row but only phone
CREATE POLICY dm_read ON depot_members FOR SELECT TO authenticated USING (fleet_id IN (SELECT app.my_fleets()));
CREATE POLICY dm_self ON depot_members FOR UPDATE TO authenticated
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
GRANT SELECT ON depot_members TO authenticated;
GRANT UPDATE (phone) ON depot_members TO authenticated;

CREATE POLICY inv_manage ON invitations FOR ALL TO authenticated
  USING (app.has_role(fleet_id, 'manager')) WITH CHECK (app.has_role(fleet_id, 'manager'));
CREATE POLICY inv_accept ON invitations FOR UPDATE TO authenticated
  USING (email = (SELECT auth.jwt() ->> 'email'));
GRANT SELECT, INSERT, UPDATE, DELETE ON invitations TO authenticated;

CREATE POLICY vehicles_read ON vehicles FOR SELECT TO authenticated USING (fleet_id IN (SELECT app.my_fleets()));
CREATE POLICY vehicles_admin ON vehicles FOR ALL TO authenticated
  USING ((SELECT is_admin FROM profiles WHERE id = auth.uid()));
GRANT SELECT, INSERT, UPDATE, DELETE ON vehicles TO authenticated;

CREATE POLICY cards_mgr ON fuel_cards FOR ALL TO authenticated
  USING ((auth.jwt() -> 'user_metadata' ->> 'role') = 'manager' AND fleet_id IN (SELECT app.my_fleets()));
GRANT SELECT, INSERT, UPDATE, DELETE ON fuel_cards TO authenticated;
GRANT SELECT ON fleets TO authenticated;

-- fault 1: profiles.profile_own: member can set own is_admin = true (column not protected, UPDATE granted on whole table)
-- fault 2: profiles.profile_own: member can set own fleet_id to another tenant
-- fault 3: fleet_members.fm_update_self: own row can be updated -> role driver->manager, fleet_id to other fleet
-- fault 4: fleet_members.fm_join: self-insert into any fleet with any role
-- fault 5: invitations.inv_accept: UPDATE without WITH CHECK tying fleet_id/role -> invited person can raise role or change fleet
-- fault 6: vehicles.vehicles_admin: is_admin global flag, no fleet_id: crosses tenants (unlinked to tenant), and in addition rests on F1 - column of profiles user-writable; unqualified id: "WHERE id = auth.uid()" binds to profiles.id OK
-- fault 7: fuel_cards.cards_mgr: user_metadata is user-editable -> role claim forged
-- fault 8: vehicles UNIQUE(plate) is global - reveals plates of other tenants (existence oracle)
-- fault 9: app.has_role(fleet_id,...) per-row call in inv_manage (slow) - minor
-- right: app.has_role/app.my_fleets: definer, pinned search_path, revoke
-- right: depot_members.dm_self: only UPDATE(phone) granted, role not raisable
-- right: fm_read/vehicles_read/fleets_read with IN (SELECT app.my_fleets())
-- right: auth.uid/auth.jwt with NULLIF
-- right: inv_manage with both clauses
