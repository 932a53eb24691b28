-- The one writer, in two doors: ledger.post takes one transaction, ledger.post_many a batch.
--
-- Both: create missing accounts -> lock the stored ones in id order -> in ONE statement insert headers,
-- entries and balance moves -> where a key was there already, compare fingerprints. The order never
-- varies, so with one call per database transaction no two callers wait for each other in a circle.
--
-- Both return the id under which the key is recorded: the caller's own if this call recorded it.
--
-- LG001 key used with other content   LG002 insufficient funds   LG003 malformed   LG005 unknown kind

-- The account of every line, in their order; the stored ones are locked until the caller commits.
CREATE FUNCTION ledger.locked_accounts(l_owner text[], l_kind text[], l_currency text[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[];
BEGIN
    FOR attempt IN 1..2 LOOP
        SELECT array_agg(a.id ORDER BY l.n) INTO ids
          FROM unnest(l_owner, l_kind, l_currency) WITH ORDINALITY AS l(owner, kind, currency, n)
          LEFT JOIN ledger.account a
                 ON a.owner = l.owner AND a.kind = l.kind AND a.currency = l.currency;
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
    PERFORM FROM ledger.account a
      WHERE a.id = ANY (ids) AND a.stores_balance
      ORDER BY a.id
        FOR NO KEY UPDATE;  -- GUARD: the next statement reads what nobody else can change
    RETURN ids;
END $$;

-- h_: the transaction's header. l_: one element per line, an account at most once.
CREATE FUNCTION ledger.post(
    h_id uuid, h_kind text, h_cause_type text, h_cause_id uuid, h_key text, h_fingerprint bytea,
    h_effective_at timestamptz, h_reverses uuid,
    l_owner text[], l_kind text[], l_currency text[], l_amount bigint[])
RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- One plan for all calls: a few rows looked up by key.
SET plan_cache_mode = force_generic_plan
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    l_account bigint[] := ledger.locked_accounts(l_owner, l_kind, l_currency);
    recorded_id uuid;
    said bytea;
BEGIN
    -- unnest pads a short array in silence.
    IF cardinality(l_amount) < 2 OR cardinality(l_amount) IS DISTINCT FROM cardinality(l_account) THEN
        RAISE EXCEPTION 'ledger: two lines or more, each with account and amount' USING ERRCODE = 'LG003';
    END IF;

    WITH recorded AS (
        INSERT INTO ledger.transaction AS t
               (id, kind, cause_type, cause_id, idempotency_key, fingerprint, effective_at, reverses,
                entry_count)
        VALUES (h_id, h_kind, h_cause_type, h_cause_id, h_key, h_fingerprint, h_effective_at, h_reverses,
                cardinality(l_amount))
            ON CONFLICT (idempotency_key) DO NOTHING
        RETURNING t.id
    ), written AS (
        INSERT INTO ledger.entry (transaction_id, account_id, amount_minor, account_version, balance_after)
        SELECT r.id, l.account_id, l.amount, a.version + 1, a.balance_minor + l.amount
          FROM recorded r, unnest(l_account, l_amount) AS l(account_id, amount)
          JOIN ledger.account a ON a.id = l.account_id
    ), moved AS (
        UPDATE ledger.account a
           SET balance_minor = a.balance_minor + l.amount, version = a.version + 1
          FROM recorded r, unnest(l_account, l_amount) AS l(account_id, amount)
         WHERE a.id = l.account_id AND a.stores_balance
    )
    SELECT r.id INTO recorded_id FROM recorded r;
    IF FOUND THEN
        RETURN recorded_id;
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
CREATE FUNCTION ledger.post_many(
    h_id uuid[], h_kind text[], h_cause_type text[], h_cause_id uuid[], h_key text[], h_fingerprint bytea[],
    h_effective_at timestamptz[], h_reverses uuid[], h_entries smallint[],
    l_owner text[], l_kind text[], l_currency text[], l_amount bigint[])
RETURNS uuid[] LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- Planned for its size each time: a generic plan expects ten rows.
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    l_account bigint[] := ledger.locked_accounts(l_owner, l_kind, l_currency);
    l_transaction uuid[];
    fresh bigint;
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
    ), line AS MATERIALIZED (
        SELECT r.id AS transaction_id, l.n, l.account_id, l.amount,
               a.version + row_number() OVER running AS version,
               a.balance_minor + (sum(l.amount) OVER running)::bigint AS balance_after
          FROM unnest(l_transaction, l_account, l_amount) WITH ORDINALITY
               AS l(transaction_id, account_id, amount, n)
          JOIN recorded r ON r.id = l.transaction_id
          JOIN ledger.account a ON a.id = l.account_id
        WINDOW running AS (PARTITION BY l.account_id ORDER BY l.n)
    ), written AS (
        INSERT INTO ledger.entry (transaction_id, account_id, amount_minor, account_version, balance_after)
        SELECT l.transaction_id, l.account_id, l.amount, l.version, l.balance_after FROM line l ORDER BY l.n
    ), moved AS (
        UPDATE ledger.account a
           SET balance_minor = a.balance_minor + s.amount, version = a.version + s.entries
          FROM (SELECT l.account_id, sum(l.amount)::bigint AS amount, count(*) AS entries
                  FROM line l WHERE l.version IS NOT NULL GROUP BY l.account_id) s
         WHERE a.id = s.account_id
    )
    SELECT count(*) INTO fresh FROM recorded;
    IF fresh = cardinality(h_id) THEN
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
