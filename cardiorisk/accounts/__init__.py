"""What the owner of an account and an operator may do: use cases, without HTTP and SQL."""
