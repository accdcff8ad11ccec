"""One file a revision, named by its number; Alembic loads them by path."""
