"""Bank accounts as destinations, the files that pay them, and what the bank answered.

Revision: 0024, after 0023.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from marketplace.database.roles import grant

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

UNIQUE = "uq_destination_remote_account"
# Rows of these are written once.
TABLES = (
    "bank_account",
    "bank_file",
    "bank_file_payment",
    "bank_file_download",
    "bank_answer",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _index_accounts("processor NOT IN ('paypal', 'bank')")
    _create_accounts()
    _create_files()
    _create_answers()
    op.execute(
        """
        CREATE FUNCTION written_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'rows of % are written once', TG_TABLE_NAME USING ERRCODE = 'LG004';
        END $$
        """
    )
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION written_once()"
        )
    grant(op, "SELECT, INSERT", *TABLES)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION written_once()")
    _index_accounts("processor <> 'paypal'")


def _index_accounts(condition: str) -> None:
    op.drop_index(UNIQUE, table_name="destination")
    op.create_index(
        UNIQUE,
        "destination",
        ["remote_account"],
        unique=True,
        postgresql_where=sa.text(condition),
    )


def _create_accounts() -> None:
    op.create_table(
        "bank_account",
        sa.Column("destination_id", sa.Uuid(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("sealed_iban", sa.LargeBinary(), nullable=False),
        sa.Column("likeness", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["destination_id"],
            ["destination.id"],
            name=op.f("fk_bank_account_destination_id_destination"),
        ),
        sa.PrimaryKeyConstraint("destination_id", name=op.f("pk_bank_account")),
    )
    op.create_index("ix_bank_account_likeness", "bank_account", ["likeness"])


def _create_files() -> None:
    op.create_table(
        "bank_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("payments", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("execute_on", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("sealed_content", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_sha256", sa.String(), nullable=False),
        sa.CheckConstraint("number BETWEEN 1 AND 999", name=op.f("ck_bank_file_number")),
        sa.CheckConstraint("payments > 0 AND total_minor > 0", name=op.f("ck_bank_file_pays")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["payout_run.id"], name=op.f("fk_bank_file_run_id_payout_run")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_file")),
        sa.UniqueConstraint(
            "run_id", "currency", "number", name=op.f("uq_bank_file_run_id_currency_number")
        ),
        sa.UniqueConstraint("message_id", name=op.f("uq_bank_file_message_id")),
    )
    op.create_table(
        "bank_file_payment",
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payout.id"], name=op.f("fk_bank_file_payment_payout_id_payout")
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["bank_file.id"], name=op.f("fk_bank_file_payment_file_id_bank_file")
        ),
        sa.PrimaryKeyConstraint("payout_id", name=op.f("pk_bank_file_payment")),
    )
    op.create_index(op.f("ix_bank_file_payment_file_id"), "bank_file_payment", ["file_id"])
    op.create_table(
        "bank_file_download",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("downloaded_by", sa.String(), nullable=False),
        sa.Column("downloaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["bank_file.id"], name=op.f("fk_bank_file_download_file_id_bank_file")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_file_download")),
    )
    op.create_index(op.f("ix_bank_file_download_file_id"), "bank_file_download", ["file_id"])


def _create_answers() -> None:
    op.create_table(
        "bank_answer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("answered_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('executed', 'rejected', 'returned')", name=op.f("ck_bank_answer_kind")
        ),
        sa.CheckConstraint(
            "(kind = 'executed') = (code IS NULL)", name=op.f("ck_bank_answer_code_says_why_not")
        ),
        sa.ForeignKeyConstraint(
            ["payout_id"],
            ["bank_file_payment.payout_id"],
            name=op.f("fk_bank_answer_payout_id_bank_file_payment"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_answer")),
        sa.UniqueConstraint("payout_id", "kind", name=op.f("uq_bank_answer_payout_id_kind")),
    )
