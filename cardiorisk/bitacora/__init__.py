"""The bitácora: the request log that every answer is written to before it is sent."""
