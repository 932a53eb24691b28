-- What is refused to whoever owns the tables. (The application's role may not write them at all.)
--
-- LG002 insufficient funds   LG003 malformed   LG004 append-only   23505 a key or version used twice

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on ledger.% is forbidden: post a reversal instead', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'LG004';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transaction
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON ledger.account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- The entries that one statement adds are whole: zero-sum per transaction and currency, on accounts
-- that exist, and each version but the first follows one that is there. The unique index refuses a
-- repeat, so versions run 1, 2, 3, ... without a gap. None dips below a floor on the way through a
-- batch; where the batch ends is the CHECK `account_floor`'s.
--
-- Nested loops only: this looks up a few rows by key, whatever the planner believes of table sizes.
CREATE FUNCTION ledger.check_entries() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    bad record;
BEGIN
    SELECT n.transaction_id, a.currency, sum(n.amount_minor) AS off,
           bool_or(a.side * n.balance_after < a.floor_minor) AS short INTO bad
      FROM added n
      LEFT JOIN ledger.account a ON a.id = n.account_id
      LEFT JOIN ledger.entry before
             ON before.account_id = n.account_id AND before.account_version = n.account_version - 1
     GROUP BY n.transaction_id, a.currency
    HAVING sum(n.amount_minor) <> 0
        OR bool_or(a.side * n.balance_after < a.floor_minor)
        OR bool_or(a.stores_balance IS DISTINCT FROM (n.account_version IS NOT NULL))
        OR bool_or(n.account_version <> 1 AND before.account_version IS NULL)
     LIMIT 1;
    IF FOUND AND bad.off = 0 AND bad.short THEN
        RAISE EXCEPTION 'insufficient funds on the way, in transaction %', bad.transaction_id
            USING ERRCODE = 'LG002';
    ELSIF FOUND THEN
        RAISE EXCEPTION 'ledger transaction % is off by % %, or names a wrong account or version',
            bad.transaction_id, bad.off, bad.currency USING ERRCODE = 'LG003';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER balanced AFTER INSERT ON ledger.entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_entries();
