-- The writer, second form; it replaces the functions of writer.sql.
--
-- Both doors: create missing accounts -> insert headers, keys sorted -> lock the stored accounts in id
-- order and move them -> insert all entries in one statement. Where a key was there already, nothing is
-- locked or moved, and fingerprints are compared. The order never varies, so with one call per database
-- transaction no two callers wait for each other in a circle.
--
-- Both return the id under which the key is recorded: the caller's own if this call recorded it.
--
-- LG001 key used with other content   LG002 insufficient funds   LG003 malformed   LG005 unknown kind

-- The account of every line, in their order.
CREATE FUNCTION ledger.accounts_of(l_owner text[], l_kind text[], l_currency text[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[];
BEGIN
    FOR attempt IN 1..2 LOOP
        ids := ARRAY(
            SELECT a.id
              FROM unnest(l_owner, l_kind, l_currency) WITH ORDINALITY AS l(owner, kind, currency, n)
              LEFT JOIN ledger.account a
                     ON a.owner = l.owner AND a.kind = l.kind AND a.currency = l.currency
             ORDER BY l.n);
        EXIT WHEN array_position(ids, NULL) IS NULL;
        IF attempt = 2 THEN
            RAISE EXCEPTION 'ledger: unknown account kind' USING ERRCODE = 'LG005';
        END IF;
        INSERT INTO ledger.account
               (owner, kind, currency, side, stores_balance, floor_minor, balance_minor, version)
        SELECT DISTINCT l.owner, k.kind, l.currency, k.side, k.stores_balance, k.floor_minor,
               CASE WHEN k.stores_balance THEN 0 END, CASE WHEN k.stores_balance THEN 0 END
          FROM unnest(ids, l_owner, l_kind, l_currency) AS l(id, owner, kind, currency)
          JOIN ledger.account_kind k ON k.kind = l.kind
         WHERE l.id IS NULL
         ORDER BY l.owner, k.kind, l.currency
            ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN ids;
END $$;

-- h_: the transaction's header. l_: one element per line, an account at most once.
CREATE OR REPLACE FUNCTION ledger.post(
    h_id uuid, h_kind text, h_cause_type text, h_cause_id uuid, h_key text, h_fingerprint bytea,
    h_effective_at timestamptz, h_reverses uuid,
    l_owner text[], l_kind text[], l_currency text[], l_amount bigint[])
RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- One plan for all calls: a few rows looked up by key.
SET plan_cache_mode = force_generic_plan
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    l_account bigint[] := ledger.accounts_of(l_owner, l_kind, l_currency);
    recorded_id uuid;
    said bytea;
BEGIN
    -- unnest pads a short array in silence.
    IF cardinality(l_amount) < 2 OR cardinality(l_amount) IS DISTINCT FROM cardinality(l_account) THEN
        RAISE EXCEPTION 'ledger: two lines or more, each with account and amount' USING ERRCODE = 'LG003';
    END IF;

    INSERT INTO ledger.transaction
           (id, kind, cause_type, cause_id, idempotency_key, fingerprint, effective_at, reverses,
            entry_count)
    VALUES (h_id, h_kind, h_cause_type, h_cause_id, h_key, h_fingerprint, h_effective_at, h_reverses,
            cardinality(l_amount))
        ON CONFLICT (idempotency_key) DO NOTHING;
    IF FOUND THEN
        -- An UPDATE waits for a rival and then sees what he left: no lock is needed before it.
        WITH moved AS (
            UPDATE ledger.account a
               SET balance_minor = a.balance_minor + l.amount, version = a.version + 1
              FROM (SELECT u.account_id, u.amount
                      FROM unnest(l_account, l_amount) AS u(account_id, amount)
                     ORDER BY u.account_id) l
             WHERE a.id = l.account_id AND a.stores_balance
            RETURNING a.id, a.version, a.balance_minor
        )
        INSERT INTO ledger.entry (transaction_id, account_id, amount_minor, account_version, balance_after)
        SELECT h_id, l.account_id, l.amount, m.version, m.balance_minor
          FROM unnest(l_account, l_amount) AS l(account_id, amount)
          LEFT JOIN moved m ON m.id = l.account_id;
        RETURN h_id;
    END IF;

    SELECT t.id, t.fingerprint INTO recorded_id, said
      FROM ledger.transaction t WHERE t.idempotency_key = h_key;
    IF said IS DISTINCT FROM h_fingerprint THEN
        RAISE EXCEPTION 'idempotency key % was used with other content', h_key USING ERRCODE = 'LG001',
            DETAIL = format('recorded as transaction %s', recorded_id);
    END IF;
    RETURN recorded_id;
END $$;

-- h_: one element per transaction. l_: the lines of all of them, one transaction after the other;
-- h_entries says how many each has. A key that comes twice in one batch posts once.
CREATE OR REPLACE FUNCTION ledger.post_many(
    h_id uuid[], h_kind text[], h_cause_type text[], h_cause_id uuid[], h_key text[], h_fingerprint bytea[],
    h_effective_at timestamptz[], h_reverses uuid[], h_entries smallint[],
    l_owner text[], l_kind text[], l_currency text[], l_amount bigint[])
RETURNS uuid[] LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- Planned for its size each time: a generic plan expects ten rows.
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    l_account bigint[] := ledger.accounts_of(l_owner, l_kind, l_currency);
    l_transaction uuid[];
    fresh uuid[];
    bad record;
BEGIN
    SELECT array_agg(h.id ORDER BY h.n) INTO l_transaction
      FROM unnest(h_id, h_entries) WITH ORDINALITY AS h(id, entries, n), generate_series(1, h.entries);
    IF 2 > ANY (h_entries) OR cardinality(l_transaction) IS DISTINCT FROM cardinality(l_amount)
       OR cardinality(l_account) IS DISTINCT FROM cardinality(l_amount) THEN
        RAISE EXCEPTION 'ledger: two lines or more per transaction, each with account and amount'
            USING ERRCODE = 'LG003';
    END IF;

    WITH recorded AS (
        INSERT INTO ledger.transaction AS t
               (id, kind, cause_type, cause_id, idempotency_key, fingerprint, effective_at, reverses,
                entry_count)
        SELECT h.id, h.kind, h.cause_type, h.cause_id, h.key, h.fingerprint, h.effective_at, h.reverses,
               h.entries
          FROM unnest(h_id, h_kind, h_cause_type, h_cause_id, h_key, h_fingerprint, h_effective_at,
                      h_reverses, h_entries) WITH ORDINALITY
               AS h(id, kind, cause_type, cause_id, key, fingerprint, effective_at, reverses, entries, n)
         ORDER BY h.key COLLATE "C", h.n
            ON CONFLICT (idempotency_key) DO NOTHING
        RETURNING t.id
    )
    SELECT array_agg(r.id) INTO fresh FROM recorded r;

    PERFORM FROM ledger.account a
      WHERE a.id = ANY (l_account) AND a.stores_balance
      ORDER BY a.id
        FOR NO KEY UPDATE;  -- GUARD: the next statement reads what nobody else can change
    WITH line AS MATERIALIZED (
        SELECT r.id AS transaction_id, l.n, l.account_id, l.amount,
               a.version + row_number() OVER running AS version,
               a.balance_minor + (sum(l.amount) OVER running)::bigint AS balance_after
          FROM unnest(l_transaction, l_account, l_amount) WITH ORDINALITY
               AS l(transaction_id, account_id, amount, n)
          JOIN unnest(fresh) AS r(id) ON r.id = l.transaction_id
          JOIN ledger.account a ON a.id = l.account_id
        WINDOW running AS (PARTITION BY l.account_id ORDER BY l.n)
    ), written AS (
        INSERT INTO ledger.entry (transaction_id, account_id, amount_minor, account_version, balance_after)
        SELECT l.transaction_id, l.account_id, l.amount, l.version, l.balance_after FROM line l ORDER BY l.n
    )
    UPDATE ledger.account a
       SET balance_minor = a.balance_minor + s.amount, version = a.version + s.entries
      FROM (SELECT l.account_id, sum(l.amount)::bigint AS amount, count(*) AS entries
              FROM line l WHERE l.version IS NOT NULL GROUP BY l.account_id) s
     WHERE a.id = s.account_id;
    IF cardinality(fresh) = cardinality(h_id) THEN
        RETURN h_id;
    END IF;

    SELECT h.key, t.id INTO bad
      FROM unnest(h_key, h_fingerprint) AS h(key, fingerprint)
      LEFT JOIN ledger.transaction t ON t.idempotency_key = h.key
     WHERE t.fingerprint IS DISTINCT FROM h.fingerprint
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'idempotency key % was used with other content', bad.key USING ERRCODE = 'LG001',
            DETAIL = format('recorded as transaction %s', bad.id);
    END IF;
    RETURN ARRAY(SELECT t.id
                   FROM unnest(h_key) WITH ORDINALITY AS h(key, n)
                   JOIN ledger.transaction t ON t.idempotency_key = h.key
                  ORDER BY h.n);
END $$;

DROP FUNCTION ledger.locked_accounts;
REVOKE ALL ON FUNCTION ledger.accounts_of FROM PUBLIC;
