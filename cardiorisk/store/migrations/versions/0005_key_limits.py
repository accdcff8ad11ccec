"""Keys can have a limit of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the limit and the window that it holds for; no key has one yet."""
    least = sa.CheckConstraint('"limit" >= 1', name=op.f("ck_api_key_limit_least"))
    op.add_column("api_key", sa.Column("limit", sa.Integer(), least, nullable=True))
    op.add_column("api_key", sa.Column("window_id", sa.String(32), nullable=True))
