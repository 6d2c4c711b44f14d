-- Warehouse SaaS: settings and claims in policies
DO $$ BEGIN CREATE ROLE anon NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE authenticated NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE TABLE tenants (id int PRIMARY KEY, slug text UNIQUE);
CREATE TABLE warehouses (id serial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants(id), city text);
CREATE INDEX ON warehouses (tenant_id);
CREATE TABLE bins (id serial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants(id), warehouse_id int NOT NULL, code text);
CREATE INDEX ON bins (tenant_id);
CREATE TABLE items (id bigserial PRIMARY KEY, tenant_id uuid NOT NULL, sku text NOT NULL);
CREATE INDEX ON items (tenant_id);
CREATE TABLE shipments (id bigserial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants(id), carrier text, warehouse_id int);
CREATE INDEX ON shipments (tenant_id);
CREATE INDEX ON shipments (warehouse_id);
CREATE TABLE stocktakes (id bigserial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants(id), counted_by uuid, at timestamptz DEFAULT now());
CREATE INDEX ON stocktakes (tenant_id);
CREATE TABLE labels (id bigserial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants(id), txt text);
CREATE INDEX ON labels (tenant_id);
CREATE TABLE orders (id bigserial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants(id), total numeric);
CREATE INDEX ON orders (tenant_id);

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['tenants','warehouses','bins','items','shipments','stocktakes','labels','orders'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO authenticated', t);
  END LOOP;
END $$;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO authenticated;

CREATE POLICY t ON tenants FOR SELECT TO authenticated
  USING (id = NULLIF(current_setting('app.tenant_id', true), '')::int);          -- correct
CREATE POLICY w ON warehouses TO authenticated
  USING (tenant_id = current_setting('app.tenant_id')::int);                     -- throws if unset
CREATE POLICY b ON bins TO authenticated
  USING (tenant_id = current_setting('app.tenant_id', true)::int);               -- '' cast error
CREATE POLICY i ON items TO authenticated
  USING (tenant_id::text = current_setting('app.tenant_uuid', true));            -- column cast: index not used
CREATE POLICY s ON shipments TO authenticated
  USING (tenant_id = COALESCE(NULLIF(current_setting('app.tenant_id', true), ''), '1')::int);   -- falls back to tenant 1
CREATE POLICY st ON stocktakes TO authenticated
  USING (current_setting('app.tenant_id', true) = '' OR tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::int);  -- empty: all
CREATE POLICY st_own ON stocktakes FOR UPDATE TO authenticated
  USING (counted_by = (current_setting('request.jwt.claims', true)::json ->> 'sub')::uuid);
CREATE POLICY l ON labels TO authenticated
  USING (tenant_id = ((NULLIF(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'tenant_id')::int));  -- correct
CREATE POLICY o ON orders TO authenticated
  USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::int)
         OR current_setting('app.is_support', true) = 'on');                     -- session-settable bypass
CREATE FUNCTION set_tenant(t int) RETURNS void LANGUAGE sql AS
$$ SELECT set_config('app.tenant_id', t::text, false) $$;                         -- session-wide, pooling leak

-- fault 1: warehouses.w: current_setting without missing_ok -> error when unset
-- fault 2: bins.b: missing_ok but '' cast to int -> error invalid input syntax after SET LOCAL in a pooled connection
-- fault 3: items.i: tenant_id::text cast on column -> index on tenant_id not used, slow
-- fault 4: shipments.s: COALESCE fallback to tenant 1 -> unset context reads tenant 1
-- fault 5: stocktakes.st: setting = '' gives access to all
-- fault 6: stocktakes.st_own: claims '' ::json cast unguarded; also no tenant in the permissive policy (ORed; may touch rows of other tenants of same user), no initplan wrap
-- fault 7: orders.o: app.is_support setting gives everything; any SQL session can set it
-- fault 8: set_tenant(): set_config(..., false) session scope -> tenant leaks through pool; executable by PUBLIC
-- right: tenants.t NULLIF(current_setting(..., true), '')::int
-- right: labels.l app_metadata with NULLIF
-- right: FOR ALL policies USING only (check inherited)
-- right: orders.o first arm with SELECT
