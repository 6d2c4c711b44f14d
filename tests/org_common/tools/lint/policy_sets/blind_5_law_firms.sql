-- Law-firm case manager: security definer functions
DO $$ BEGIN CREATE ROLE anon NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE authenticated NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA auth;
GRANT USAGE ON SCHEMA auth TO anon, authenticated;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
$$ SELECT NULLIF(NULLIF(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid $$;

CREATE TABLE firms (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text);
CREATE TABLE lawyers (
  firm_id uuid NOT NULL REFERENCES firms(id),
  user_id uuid NOT NULL,
  partner boolean NOT NULL DEFAULT false,
  PRIMARY KEY (user_id, firm_id)
);
CREATE INDEX ON lawyers (firm_id);
CREATE TABLE cases (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  firm_id uuid NOT NULL REFERENCES firms(id),
  title text, sealed boolean NOT NULL DEFAULT false
);
CREATE INDEX ON cases (firm_id);
CREATE TABLE documents (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  firm_id uuid NOT NULL REFERENCES firms(id),
  case_id uuid NOT NULL REFERENCES cases(id),
  body text
);
CREATE INDEX ON documents (firm_id);
CREATE INDEX ON documents (case_id);
CREATE TABLE time_entries (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  firm_id uuid NOT NULL REFERENCES firms(id),
  user_id uuid NOT NULL, minutes int
);
CREATE INDEX ON time_entries (firm_id);
CREATE TABLE audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  firm_id uuid NOT NULL, what text, at timestamptz DEFAULT now()
);
CREATE INDEX ON audit_log (firm_id);

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['firms','lawyers','cases','documents','time_entries','audit_log'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
  END LOOP;
END $$;

-- no search_path
CREATE FUNCTION my_firm_ids() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER AS
$$ SELECT firm_id FROM lawyers WHERE user_id = auth.uid() $$;

-- takes any user id
CREATE FUNCTION firms_of(p_user uuid) RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
$$ SELECT firm_id FROM public.lawyers WHERE user_id = p_user $$;

-- returns any case: no caller check
CREATE FUNCTION get_case(p_id uuid) RETURNS SETOF cases LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
$$ SELECT * FROM public.cases WHERE id = p_id $$;
GRANT EXECUTE ON FUNCTION get_case(uuid) TO anon;

-- dynamic SQL
CREATE FUNCTION search_docs(p_where text) RETURNS SETOF documents LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN QUERY EXECUTE 'SELECT * FROM public.documents WHERE body ILIKE ''%' || p_where || '%''';
END $$;

-- search_path with a writable schema
CREATE SCHEMA scratch;
GRANT USAGE, CREATE ON SCHEMA scratch TO authenticated;
CREATE FUNCTION is_partner(f uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = scratch, public AS
$$ SELECT partner FROM lawyers WHERE firm_id = f AND user_id = auth.uid() $$;
REVOKE EXECUTE ON FUNCTION is_partner(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_partner(uuid) TO authenticated;

-- definer that uses current_user
CREATE FUNCTION is_staff() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
$$ SELECT current_user <> 'anon' $$;
REVOKE EXECUTE ON FUNCTION is_staff() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_staff() TO authenticated, anon;

-- correct ones
CREATE SCHEMA internal;
GRANT USAGE ON SCHEMA internal TO authenticated;
CREATE FUNCTION internal.firm_ids() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
$$ SELECT l.firm_id FROM public.lawyers l WHERE l.user_id = (SELECT auth.uid()) $$;
REVOKE ALL ON FUNCTION internal.firm_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION internal.firm_ids() TO authenticated;
CREATE FUNCTION internal.log_case() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  INSERT INTO public.audit_log (firm_id, what) VALUES (NEW.firm_id, 'case ' || NEW.id);
  RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION internal.log_case() FROM PUBLIC;
CREATE TRIGGER cases_log AFTER INSERT OR UPDATE ON cases FOR EACH ROW EXECUTE FUNCTION internal.log_case();
CREATE FUNCTION minutes_total() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT sum(minutes) FROM time_entries $$;

CREATE POLICY firms_read ON firms FOR SELECT TO authenticated USING (id IN (SELECT internal.firm_ids()));
CREATE POLICY lawyers_read ON lawyers FOR SELECT TO authenticated USING (firm_id IN (SELECT internal.firm_ids()));
CREATE POLICY cases_rw ON cases FOR ALL TO authenticated
  USING (firm_id IN (SELECT my_firm_ids())) WITH CHECK (firm_id IN (SELECT my_firm_ids()));
CREATE POLICY docs_read ON documents FOR SELECT TO authenticated USING (firm_id IN (SELECT internal.firm_ids()));
CREATE POLICY docs_partner ON documents FOR DELETE TO authenticated USING (is_partner(firm_id));
CREATE POLICY time_staff ON time_entries FOR SELECT USING (is_staff());
CREATE POLICY time_own ON time_entries FOR INSERT TO authenticated
  WITH CHECK (user_id = (SELECT auth.uid()) AND firm_id IN (SELECT internal.firm_ids()));
CREATE POLICY audit_read ON audit_log FOR SELECT TO authenticated USING (firm_id IN (SELECT internal.firm_ids()));
GRANT SELECT ON firms, lawyers, audit_log TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON cases, documents TO authenticated;
GRANT SELECT, INSERT ON time_entries TO authenticated;

-- fault 1: my_firm_ids(): SECURITY DEFINER without search_path
-- fault 2: firms_of(uuid): definer, takes user id as argument, executable by PUBLIC -> membership of any user
-- fault 3: get_case(uuid): definer returns any tenant's case, granted to anon
-- fault 4: search_docs(text): definer with EXECUTE of concatenated text -> injection, all tenants' documents
-- fault 5: is_partner(): search_path contains schema scratch in which authenticated may CREATE -> table shadowing (plus pg_temp implicit first)
-- fault 6: is_staff(): current_user in definer is the owner -> always true; time_staff lets everyone (PUBLIC) read all firms' time entries
-- fault 7: time_entries.time_staff: policy TO PUBLIC not referencing row -> cross-tenant
-- fault 8: docs_partner: is_partner(firm_id) evaluated per row (slow)
-- right: internal.firm_ids()
-- right: internal.log_case() trigger definer
-- right: minutes_total() invoker, RLS applies
-- right: firms_read, lawyers_read (no recursion because of definer owned by superuser), audit_read
-- right: time_own INSERT check
