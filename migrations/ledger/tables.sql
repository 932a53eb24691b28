-- The books: four tables in a schema of their own, with no foreign key in or out.
--
-- amount_minor is debit positive, and balance_minor is always the plain sum of amount_minor.
-- side * balance_minor is what people see, and what the floor bounds.

CREATE SCHEMA ledger;

-- What the application may not decide per call. marketplace/ledger/chart.py is the source.
CREATE TABLE ledger.account_kind (
    kind           text COLLATE "C" PRIMARY KEY,
    side           smallint NOT NULL CHECK (side IN (1, -1)),  -- +1 debit-normal, -1 credit-normal
    stores_balance boolean NOT NULL,
    floor_minor    bigint,                                     -- as people see it; NULL = no floor
    CHECK (stores_balance OR floor_minor IS NULL)              -- a floor needs a stored balance
);

CREATE FUNCTION ledger.refuse_overdraft(owner text, kind text, currency text)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RAISE EXCEPTION 'insufficient funds in % of % (%)', kind, owner, currency USING ERRCODE = 'LG002';
END $$;

-- One balance in one currency. Created by the first posting that names it, never removed.
CREATE TABLE ledger.account (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner          text COLLATE "C" NOT NULL,  -- the books know no creator or brand: 'creator:<hex>'
    kind           text COLLATE "C" NOT NULL,
    currency       text COLLATE "C" NOT NULL,
    side           smallint NOT NULL,          -- this and the next two are copied from the kind, so
    stores_balance boolean NOT NULL,           -- that a row can be checked without reading another
    floor_minor    bigint,
    balance_minor  bigint,                     -- NULL for accounts that are summed when read
    version        bigint,                     -- how many entries it has; NULL likewise
    CONSTRAINT account_natural_key UNIQUE (owner, kind, currency),
    -- A CHECK with an SQLSTATE of its own, so that the caller knows why.
    CONSTRAINT account_floor CHECK (
        CASE WHEN side * balance_minor < floor_minor
             THEN ledger.refuse_overdraft(owner, kind, currency) ELSE true END)
) WITH (fillfactor = 50);  -- no index on a column that a posting changes: updates stay in their page

-- One business event, recorded once.
CREATE TABLE ledger.transaction (
    id              uuid PRIMARY KEY,           -- made in Python (UUIDv7)
    kind            text NOT NULL,
    cause_type      text NOT NULL,
    cause_id        uuid NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL CONSTRAINT transaction_key UNIQUE,
    fingerprint     bytea NOT NULL,             -- of what it says, without id and time
    effective_at    timestamptz NOT NULL,       -- domain time, the caller's clock
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    reverses        uuid,
    entry_count     smallint NOT NULL           -- so that a missing or a late entry shows
);
CREATE INDEX transaction_cause ON ledger.transaction (cause_type, cause_id);
CREATE UNIQUE INDEX transaction_reversed_once ON ledger.transaction (reverses) WHERE reverses IS NOT NULL;

-- One debit or credit. A foreign key to the account would lock the row of every busy summed account,
-- so the trigger `balanced` refuses an unknown account instead.
CREATE TABLE ledger.entry (
    id              bigint GENERATED ALWAYS AS IDENTITY,
    transaction_id  uuid NOT NULL,
    account_id      bigint NOT NULL,
    amount_minor    bigint NOT NULL CHECK (amount_minor <> 0),
    account_version bigint,                     -- 1, 2, 3, ... per account; NULL for summed accounts
    balance_after   bigint,                     -- NULL likewise
    PRIMARY KEY (transaction_id, account_id)    -- an account appears once in a transaction
);
CREATE UNIQUE INDEX entry_version ON ledger.entry (account_id, account_version)
    WHERE account_version IS NOT NULL;
CREATE INDEX entry_summed ON ledger.entry (account_id, id) INCLUDE (amount_minor)
    WHERE account_version IS NULL;

INSERT INTO ledger.account_kind (kind, side, stores_balance, floor_minor) VALUES
    ('processor_clearing',  1, false, NULL),
    ('processor_fees',      1, false, NULL),
    ('platform_fees',      -1, false, NULL),
    ('brand_available',    -1, true, 0),
    ('reserved',           -1, true, 0),
    ('refund_reserved',    -1, true, 0),
    ('fund_pool',          -1, true, 0),
    ('gift_pool',          -1, true, 0),
    ('creator_pending',    -1, true, 0),
    ('creator_available',  -1, true, 0),
    ('payout_reserved',    -1, true, 0);
