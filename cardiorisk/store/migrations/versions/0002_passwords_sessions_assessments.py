"""Names compared by their folded form, addresses, passwords, sessions, kept assessments."""

from unicodedata import normalize

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
_TABLES = (
    """
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
    )""",
    """
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
    )""",
    """
    CREATE TABLE secret (
        name VARCHAR(32) NOT NULL,
        value BLOB NOT NULL,
        CONSTRAINT pk_secret PRIMARY KEY (name)
    )""",
    "CREATE INDEX ix_session_account_id ON session (account_id)",
    "CREATE INDEX ix_session_expires_at ON session (expires_at)",
    "CREATE INDEX ix_assessment_account_id ON assessment (account_id, id)",
)


def upgrade() -> None:
    """Rebuild the accounts' table, as SQLite cannot add a unique column, and make the new ones.

    Numbers of deleted accounts stay out of use: the last one goes with the old table otherwise.
    """
    connection = op.get_bind()
    last = connection.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'account'"))
    op.execute(_ACCOUNTS)
    _copy_accounts(connection)
    op.execute("DROP TABLE account")
    op.execute("ALTER TABLE account_0002 RENAME TO account")
    if last is not None:
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'account'")
        op.execute(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('account', {last:d})")  # noqa: S608 - a number
    for statement in _TABLES:
        op.execute(statement)


def _copy_accounts(connection: sa.Connection) -> None:
    """Copy every account; of two names that differ in case only, the older one's is compared."""
    new = sa.text(
        "INSERT INTO account_0002 (id, name, plan, is_operator, created_at, folded_name) "
        "VALUES (:id, :name, :plan, :is_operator, :created_at, :folded_name)"
    )
    folded_names: set[str] = set()
    for row in connection.execute(sa.text("SELECT * FROM account ORDER BY id")).mappings().all():
        folded = normalize("NFC", normalize("NFC", row["name"]).casefold())
        values = {**row, "folded_name": None if folded in folded_names else folded}
        connection.execute(new, values)
        folded_names.add(folded)
