"""Names compared by their folded form, addresses, passwords, sessions, kept assessments."""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Rebuild the accounts' table and make the new ones.

    SQLite cannot add a unique column, hence the rebuild. The numbers of deleted accounts are kept
    out of use across it: they live in ``sqlite_sequence``, which goes with the old table.
    """
    connection = op.get_bind()
    last_number = connection.scalar(
        sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'account'")
    )
    accounts = _make_accounts("account_0002")
    _copy_accounts(connection, accounts)
    op.drop_table("account")
    op.rename_table("account_0002", "account")
    if last_number is not None:
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'account'"))
        connection.execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('account', :seq)"),
            {"seq": last_number},
        )
    _make_sessions()
    _make_assessments()
    op.create_table(
        "secret",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secret")),
    )


def _make_accounts(name: str) -> sa.Table:
    return op.create_table(
        name,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("plan", sa.String(32), nullable=False),
        sa.Column("is_operator", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("folded_name", sa.String(240), nullable=True),
        sa.Column("email", sa.String(254), nullable=True),
        sa.Column("password_hash", sa.String(255), nullable=True),
        sa.Column("token_generation", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 80", name=op.f("ck_account_name_length")),
        sa.UniqueConstraint("name", name=op.f("uq_account_name")),
        sa.UniqueConstraint("folded_name", name=op.f("uq_account_folded_name")),
        sa.UniqueConstraint("email", name=op.f("uq_account_email")),
        sqlite_autoincrement=True,
    )


def _copy_accounts(connection: sa.Connection, accounts: sa.Table) -> None:
    """Copy every account; of two names that differ in case only, the older one's is compared."""
    folded_names: set[str] = set()
    rows = []
    columns = sa.text("SELECT id, name, plan, is_operator, created_at FROM account ORDER BY id")
    for row in connection.execute(columns).mappings().all():
        folded: str | None = unicodedata.normalize("NFC", row["name"])
        folded = unicodedata.normalize("NFC", (folded or "").casefold())
        if folded in folded_names:
            folded = None
        else:
            folded_names.add(folded)
        rows.append({**row, "folded_name": folded})
    if rows:
        connection.execute(
            sa.text(
                f"INSERT INTO {accounts.name} (id, name, plan, is_operator, created_at, folded_name) "  # noqa: S608, E501 - the name is ours
                "VALUES (:id, :name, :plan, :is_operator, :created_at, :folded_name)"
            ),
            rows,
        )


def _make_sessions() -> None:
    op.create_table(
        "session",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("refresh_id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("renewed_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_session_account_id_account"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(op.f("ix_session_account_id"), "session", ["account_id"])
    op.create_index(op.f("ix_session_expires_at"), "session", ["expires_at"])


def _make_assessments() -> None:
    op.create_table(
        "assessment",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("label", sa.String(80), nullable=True),
        sa.Column("cholesterol", sa.Double(), nullable=False),
        sa.Column("systolic_pressure", sa.Double(), nullable=False),
        sa.Column("sugar", sa.Double(), nullable=False),
        sa.Column("age", sa.Double(), nullable=False),
        sa.Column("overweight", sa.Double(), nullable=False),
        sa.Column("smoker", sa.Double(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("at_risk", sa.Boolean(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("model_version", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_assessment_account_id_account"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(op.f("ix_assessment_account_id"), "assessment", ["account_id", "id"])
