"""The door to the database: accounts and keys, and the memo that spares most look-ups."""
