"""The database's history: Alembic revisions, and the code that applies them."""
