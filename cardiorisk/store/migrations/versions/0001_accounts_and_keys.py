"""Accounts and their API keys."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE account (
            id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            name VARCHAR(80) NOT NULL,
            plan VARCHAR(32) NOT NULL,
            is_operator BOOLEAN NOT NULL,
            created_at DATETIME NOT NULL,
            CONSTRAINT ck_account_name_length CHECK (length(name) BETWEEN 1 AND 80),
            CONSTRAINT uq_account_name UNIQUE (name)
        )""")
    op.execute("""
        CREATE TABLE api_key (
            id VARCHAR(32) NOT NULL,
            account_id INTEGER NOT NULL,
            digest BLOB NOT NULL,
            prefix VARCHAR(16) NOT NULL,
            created_at DATETIME NOT NULL,
            expires_at DATETIME,
            revoked_at DATETIME,
            last_used_at DATETIME,
            CONSTRAINT pk_api_key PRIMARY KEY (id),
            CONSTRAINT ck_api_key_digest_length CHECK (length(digest) = 32),
            CONSTRAINT fk_api_key_account_id_account
                FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
            CONSTRAINT uq_api_key_digest UNIQUE (digest)
        )""")
    op.execute("CREATE INDEX ix_api_key_account_id ON api_key (account_id)")
