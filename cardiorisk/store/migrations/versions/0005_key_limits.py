"""Keys can have a limit of their own, and a window that it holds for."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(
        'ALTER TABLE api_key ADD COLUMN "limit" INTEGER'
        ' CONSTRAINT ck_api_key_limit_least CHECK ("limit" >= 1)'
    )
    op.execute("ALTER TABLE api_key ADD COLUMN window_id VARCHAR(32)")
