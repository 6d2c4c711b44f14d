-- IoT / metering platform: partitions and inheritance
DO $$ BEGIN CREATE ROLE anon NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE authenticated NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE FUNCTION utility_id() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT NULLIF(current_setting('meter.utility', true), '')::bigint $$;

CREATE TABLE utilities (id bigint PRIMARY KEY, name text);
ALTER TABLE utilities ENABLE ROW LEVEL SECURITY; ALTER TABLE utilities FORCE ROW LEVEL SECURITY;
CREATE POLICY u ON utilities FOR SELECT TO authenticated USING (id = (SELECT utility_id()));
GRANT SELECT ON utilities TO authenticated;

-- A: parent RLS, partitions granted through ALL TABLES
CREATE SCHEMA tele;
GRANT USAGE ON SCHEMA tele TO authenticated;
CREATE TABLE tele.readings (utility_id bigint NOT NULL, meter text NOT NULL, at timestamptz NOT NULL, kwh numeric) PARTITION BY RANGE (at);
CREATE TABLE tele.readings_2025 PARTITION OF tele.readings FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE tele.readings_2026 PARTITION OF tele.readings FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE tele.readings_default PARTITION OF tele.readings DEFAULT;
CREATE INDEX ON tele.readings (utility_id, at);
ALTER TABLE tele.readings ENABLE ROW LEVEL SECURITY; ALTER TABLE tele.readings FORCE ROW LEVEL SECURITY;
ALTER TABLE tele.readings_2025 ENABLE ROW LEVEL SECURITY;
ALTER TABLE tele.readings_2025 FORCE ROW LEVEL SECURITY;
CREATE POLICY r ON tele.readings TO authenticated USING (utility_id = (SELECT public.utility_id()));
CREATE POLICY r25 ON tele.readings_2025 TO authenticated USING (true);
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA tele TO authenticated;

-- B: correct: only parent granted, partitions without RLS and grants
CREATE SCHEMA ev;
GRANT USAGE ON SCHEMA ev TO authenticated;
CREATE TABLE ev.events (utility_id bigint NOT NULL, id bigint NOT NULL, kind text, PRIMARY KEY (utility_id, id)) PARTITION BY LIST (utility_id);
CREATE TABLE ev.events_1 PARTITION OF ev.events FOR VALUES IN (1);
CREATE TABLE ev.events_rest PARTITION OF ev.events DEFAULT;
ALTER TABLE ev.events ENABLE ROW LEVEL SECURITY; ALTER TABLE ev.events FORCE ROW LEVEL SECURITY;
CREATE POLICY e ON ev.events TO authenticated USING (utility_id = (SELECT public.utility_id())) WITH CHECK (utility_id = (SELECT public.utility_id()));
GRANT SELECT, INSERT ON ev.events TO authenticated;

-- C: partitioned parent without RLS, partitions with
CREATE SCHEMA bill;
GRANT USAGE ON SCHEMA bill TO authenticated;
CREATE TABLE bill.invoices (utility_id bigint NOT NULL, no bigint NOT NULL, amount numeric, PRIMARY KEY (utility_id, no)) PARTITION BY HASH (utility_id);
CREATE TABLE bill.invoices_0 PARTITION OF bill.invoices FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE bill.invoices_1 PARTITION OF bill.invoices FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE bill.invoices_0 ENABLE ROW LEVEL SECURITY; ALTER TABLE bill.invoices_0 FORCE ROW LEVEL SECURITY;
ALTER TABLE bill.invoices_1 ENABLE ROW LEVEL SECURITY; ALTER TABLE bill.invoices_1 FORCE ROW LEVEL SECURITY;
CREATE POLICY i0 ON bill.invoices_0 TO authenticated USING (utility_id = (SELECT public.utility_id()));
CREATE POLICY i1 ON bill.invoices_1 TO authenticated USING (utility_id = (SELECT public.utility_id()));
GRANT SELECT ON bill.invoices TO authenticated;

-- D: inheritance
CREATE TABLE devices (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, utility_id bigint NOT NULL REFERENCES utilities(id), label text);
CREATE INDEX ON devices (utility_id);
CREATE TABLE gateways (uplink text) INHERITS (devices);
CREATE TABLE sensors (unit text) INHERITS (devices);
ALTER TABLE devices ENABLE ROW LEVEL SECURITY; ALTER TABLE devices FORCE ROW LEVEL SECURITY;
CREATE POLICY d ON devices TO authenticated USING (utility_id = (SELECT public.utility_id()));
ALTER TABLE sensors ENABLE ROW LEVEL SECURITY; ALTER TABLE sensors FORCE ROW LEVEL SECURITY;
CREATE INDEX ON sensors (utility_id);
CREATE POLICY sn ON sensors TO authenticated USING (utility_id = (SELECT public.utility_id()));   -- correct child
GRANT SELECT, INSERT ON devices, gateways, sensors TO authenticated;

-- E: detached leftover
CREATE TABLE tele.readings_2024 (LIKE tele.readings INCLUDING ALL);
GRANT SELECT ON tele.readings_2024 TO authenticated;
ALTER DEFAULT PRIVILEGES IN SCHEMA tele GRANT SELECT ON TABLES TO authenticated;

-- fault 1: tele.readings_2026, tele.readings_default: partitions directly granted, no RLS -> parent's policy bypassed
-- fault 2: tele.readings_2025.r25: USING (true) on the granted partition -> same bypass despite RLS
-- fault 3: bill.invoices: parent without RLS, granted; partition policies not applied through the parent
-- fault 4: gateways: inheritance child granted, no RLS, direct access bypasses parent's policy; no index on utility_id
-- fault 5: tele.readings_2024: detached leftover (LIKE copies no policy), granted, no RLS
-- fault 6: default privileges in schema tele: every future partition will be granted to authenticated without RLS
-- right: ev.events parent only granted; ev.events_1/ev.events_rest ungranted without RLS OK
-- right: sensors child with own RLS + policy + FORCE
-- right: utility_id() function NULLIF
-- right: tele.readings.r, devices.d FOR ALL policies with USING only
-- right: PK (utility_id, id) serves as tenant index of ev.events; index of tele.readings inherited by partitions
