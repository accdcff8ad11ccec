"""Names compared by their folded form, addresses, passwords, sessions, kept assessments."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ACCOUNTS = """
    CREATE TABLE account_0002 (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        name VARCHAR(80) NOT NULL,
        plan VARCHAR(32) NOT NULL,
        is_operator BOOLEAN NOT NULL,
        created_at DATETIME NOT NULL,
        folded_name VARCHAR(240),
        email VARCHAR(254),
        password_hash VARCHAR(255),
        token_generation INTEGER DEFAULT 0 NOT NULL,
        CONSTRAINT ck_account_name_length CHECK (length(name) BETWEEN 1 AND 80),
        CONSTRAINT uq_account_name UNIQUE (name),
        CONSTRAINT uq_account_folded_name UNIQUE (folded_name),
        CONSTRAINT uq_account_email UNIQUE (email)
    )"""
_SESSIONS = """
    CREATE TABLE session (
        id VARCHAR(32) NOT NULL,
        account_id INTEGER NOT NULL,
        refresh_id VARCHAR(32) NOT NULL,
        created_at DATETIME NOT NULL,
        renewed_at DATETIME NOT NULL,
        expires_at DATETIME NOT NULL,
        CONSTRAINT pk_session PRIMARY KEY (id),
        CONSTRAINT fk_session_account_id_account
            FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
    )"""
_ASSESSMENTS = """
    CREATE TABLE assessment (
        id VARCHAR(40) NOT NULL,
        account_id INTEGER NOT NULL,
        created_at DATETIME NOT NULL,
        label VARCHAR(80),
        cholesterol DOUBLE NOT NULL,
        systolic_pressure DOUBLE NOT NULL,
        sugar DOUBLE NOT NULL,
        age DOUBLE NOT NULL,
        overweight DOUBLE NOT NULL,
        smoker DOUBLE NOT NULL,
        probability DOUBLE NOT NULL,
        at_risk BOOLEAN NOT NULL,
        threshold DOUBLE NOT NULL,
        model_version VARCHAR(80) NOT NULL,
        CONSTRAINT pk_assessment PRIMARY KEY (id),
        CONSTRAINT fk_assessment_account_id_account
            FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
    )"""
_SECRETS = """
    CREATE TABLE secret (
        name VARCHAR(32) NOT NULL,
        value BLOB NOT NULL,
        CONSTRAINT pk_secret PRIMARY KEY (name)
    )"""


def upgrade() -> None:
    """Rebuild the accounts' table, as SQLite cannot add a unique column, and make the new ones.

    The numbers of deleted accounts are kept out of use across it: they live in ``sqlite_sequence``,
    which goes with the old table.
    """
    connection = op.get_bind()
    last_number = connection.scalar(
        sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'account'")
    )
    op.execute(_ACCOUNTS)
    _copy_accounts(connection)
    op.execute("DROP TABLE account")
    op.execute("ALTER TABLE account_0002 RENAME TO account")
    if last_number is not None:
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'account'")
        connection.execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('account', :seq)"),
            {"seq": last_number},
        )
    for table in (_SESSIONS, _ASSESSMENTS, _SECRETS):
        op.execute(table)
    op.execute("CREATE INDEX ix_session_account_id ON session (account_id)")
    op.execute("CREATE INDEX ix_session_expires_at ON session (expires_at)")
    op.execute("CREATE INDEX ix_assessment_account_id ON assessment (account_id, id)")


def _copy_accounts(connection: sa.Connection) -> None:
    """Copy every account; of two names that differ in case only, the older one's is compared."""
    folded_names: set[str] = set()
    for row in connection.execute(sa.text("SELECT * FROM account ORDER BY id")).mappings().all():
        folded = unicodedata.normalize("NFC", row["name"]).casefold()
        folded = unicodedata.normalize("NFC", folded)
        connection.execute(
            sa.text(
                "INSERT INTO account_0002 (id, name, plan, is_operator, created_at, folded_name) "
                "VALUES (:id, :name, :plan, :is_operator, :created_at, :folded_name)"
            ),
            {**row, "folded_name": None if folded in folded_names else folded},
        )
        folded_names.add(folded)
