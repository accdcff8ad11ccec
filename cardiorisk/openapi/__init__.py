"""The API's own description, OpenAPI 3.1, made from the tables that check and answer requests."""
