"""Accounts can be suspended."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE account ADD COLUMN suspended_at DATETIME")
