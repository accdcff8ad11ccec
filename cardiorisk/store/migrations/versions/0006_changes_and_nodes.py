"""Whose credentials were changed, and which process runs which network."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE change (
            seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            account_id INTEGER NOT NULL
        )""")
    op.execute("""
        CREATE TABLE node (
            name VARCHAR(80) NOT NULL,
            model_version VARCHAR(80),
            fault VARCHAR(500),
            seen_at DATETIME NOT NULL,
            CONSTRAINT pk_node PRIMARY KEY (name)
        )""")
