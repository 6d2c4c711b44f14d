-- Event ticketing: soft delete
DO $$ BEGIN CREATE ROLE anon NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE authenticated NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE FUNCTION org() RETURNS uuid LANGUAGE sql STABLE AS
$$ SELECT NULLIF(current_setting('app.org', true), '')::uuid $$;
CREATE TABLE orgs (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text, deleted_at timestamptz);
CREATE TABLE events (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), org_id uuid NOT NULL REFERENCES orgs(id),
  slug text NOT NULL, title text, deleted_at timestamptz, UNIQUE (org_id, slug));
CREATE TABLE tickets (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), org_id uuid NOT NULL REFERENCES orgs(id),
  event_id uuid NOT NULL REFERENCES events(id), code text NOT NULL, deleted_at timestamptz);
CREATE INDEX ON tickets (org_id);
CREATE INDEX ON tickets (event_id);
CREATE UNIQUE INDEX tickets_code ON tickets (org_id, code) WHERE deleted_at IS NULL;
CREATE TABLE buyers (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), org_id uuid NOT NULL REFERENCES orgs(id),
  email text, is_deleted boolean DEFAULT false);
CREATE INDEX ON buyers (org_id);
CREATE TABLE vouchers (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), org_id uuid NOT NULL REFERENCES orgs(id),
  code text, deleted_at timestamptz);
CREATE INDEX vouchers_live ON vouchers (org_id) WHERE deleted_at IS NULL;
CREATE TABLE venues (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), org_id uuid NOT NULL REFERENCES orgs(id),
  name text, deleted_at timestamptz);
CREATE INDEX ON venues (org_id);
CREATE TABLE refunds (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), org_id uuid NOT NULL REFERENCES orgs(id),
  ticket_id uuid NOT NULL REFERENCES tickets(id) ON DELETE CASCADE, amount numeric, archived boolean NOT NULL DEFAULT false);
CREATE INDEX ON refunds (org_id);
CREATE INDEX ON refunds (ticket_id);

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['orgs','events','tickets','buyers','vouchers','venues','refunds'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
  END LOOP;
END $$;
CREATE POLICY o ON orgs FOR SELECT TO authenticated USING (id = (SELECT org()) AND deleted_at IS NULL);

-- F1: soft delete by UPDATE fails because the new row isn't visible
CREATE POLICY ev_read ON events FOR SELECT TO authenticated USING (org_id = (SELECT org()) AND deleted_at IS NULL);
CREATE POLICY ev_upd ON events FOR UPDATE TO authenticated
  USING (org_id = (SELECT org())) WITH CHECK (org_id = (SELECT org()));

-- F2: separate permissive policy for not-deleted
CREATE POLICY tk_tenant ON tickets FOR ALL TO authenticated USING (org_id = (SELECT org()));
CREATE POLICY tk_live ON tickets FOR SELECT TO authenticated USING (deleted_at IS NULL);

-- F3: OR precedence
CREATE POLICY by_read ON buyers FOR SELECT TO authenticated
  USING (org_id = (SELECT org()) AND is_deleted = false OR is_deleted IS NULL);

-- F4: FOR ALL with deleted_at IS NULL only in USING, check without tenant
CREATE POLICY vo ON vouchers FOR ALL TO authenticated
  USING (org_id = (SELECT org()) AND deleted_at IS NULL)
  WITH CHECK (deleted_at IS NULL OR deleted_at <= now());

-- correct: restrictive for select, hard delete not granted
CREATE POLICY ve ON venues FOR ALL TO authenticated
  USING (org_id = (SELECT org())) WITH CHECK (org_id = (SELECT org()));
CREATE POLICY ve_tenant ON venues AS RESTRICTIVE FOR ALL TO authenticated USING (org_id = (SELECT org()));

-- F5: only a restrictive policy
CREATE POLICY rf ON refunds AS RESTRICTIVE FOR ALL TO authenticated USING (org_id = (SELECT org()) AND NOT archived);

-- F6: trash view shows everyone's deleted rows
CREATE VIEW trash AS
  SELECT 'event' AS kind, id, org_id, deleted_at FROM events WHERE deleted_at IS NOT NULL
  UNION ALL SELECT 'venue', id, org_id, deleted_at FROM venues WHERE deleted_at IS NOT NULL;
GRANT SELECT ON trash TO authenticated;
-- correct
CREATE VIEW live_venues WITH (security_invoker = true, security_barrier = true) AS SELECT id, name FROM venues WHERE deleted_at IS NULL;
GRANT SELECT ON live_venues TO authenticated;

-- F7: restore function
CREATE FUNCTION restore_ticket(p uuid) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = '' AS
$$ UPDATE public.tickets SET deleted_at = NULL WHERE id = p $$;
-- correct: soft-delete function with tenant check
CREATE FUNCTION trash_event(p uuid) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = '' AS
$$ UPDATE public.events SET deleted_at = pg_catalog.now() WHERE id = p AND org_id = public.org() $$;
REVOKE ALL ON FUNCTION trash_event(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION trash_event(uuid) TO authenticated;

GRANT SELECT ON orgs TO authenticated;
GRANT SELECT, INSERT, UPDATE ON events, tickets, buyers, vouchers, venues, refunds TO authenticated;
GRANT DELETE ON tickets TO authenticated;

-- fault 1: events.ev_read: SELECT policy deleted_at IS NULL -> UPDATE ... SET deleted_at=now() WHERE id=.. fails (new row violates RLS) - soft delete impossible by member
-- fault 2: tickets.tk_live: permissive "deleted_at IS NULL" without tenant -> ORed: every tenant's live tickets are readable
-- fault 3: buyers.by_read: AND/OR precedence: is_deleted IS NULL arm has no tenant (is_deleted nullable)
-- fault 4: vouchers.vo: WITH CHECK lacks org_id -> INSERT/UPDATE into other tenant
-- fault 5: vouchers.vo: FOR ALL USING deleted_at IS NULL also serves as SELECT policy -> soft delete UPDATE fails with the SELECT visibility check
-- fault 6: refunds.rf: only restrictive policy, no permissive -> table always empty
-- fault 7: trash view: owner's rights, shows all tenants' deleted rows
-- fault 8: restore_ticket(): definer without tenant check, executable by PUBLIC -> changes other tenants' tickets
-- fault 9: events UNIQUE (org_id, slug) counts deleted rows: slug not reusable after soft delete
-- right: venues.ve + ve_tenant restrictive
-- right: live_venues invoker view
-- right: trash_event() definer with tenant check, revoked from PUBLIC
-- right: tickets_code partial unique index per tenant
-- right: orgs.o FOR SELECT with deleted_at IS NULL (no UPDATE granted) OK
-- right: tk_tenant FOR ALL USING only
-- right: events tenant index via UNIQUE (org_id, slug)
