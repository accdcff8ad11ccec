"""Accounts can be suspended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the moment of the suspension; no account is suspended yet."""
    op.add_column("account", sa.Column("suspended_at", sa.DateTime(), nullable=True))
