"""Names of keys, and how often each account called on each day."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE api_key ADD COLUMN name VARCHAR(80)")
    op.execute("""
        CREATE TABLE usage (
            account_id INTEGER NOT NULL,
            day DATE NOT NULL,
            calls INTEGER NOT NULL,
            CONSTRAINT pk_usage PRIMARY KEY (account_id, day),
            CONSTRAINT fk_usage_account_id_account
                FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
        )""")
