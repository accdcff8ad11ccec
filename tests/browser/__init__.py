"""A package, so that its browser is closed where it ends and not with the last of all tests."""
