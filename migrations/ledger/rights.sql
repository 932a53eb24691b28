-- The application's role: it reads the books, and writes them through the two doors only.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'marketplace_app') THEN
        BEGIN
            CREATE ROLE marketplace_app NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- a rival migration, of another database of this server, was first
        END;
        GRANT marketplace_app TO CURRENT_USER;
    ELSIF NOT pg_has_role('marketplace_app', 'MEMBER') THEN
        GRANT marketplace_app TO CURRENT_USER;
    END IF;
END $$;

-- Functions are executable by everyone until this line.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO marketplace_app;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO marketplace_app;
GRANT EXECUTE ON FUNCTION ledger.post, ledger.post_many TO marketplace_app;
