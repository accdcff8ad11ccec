"""Who somebody is: API keys, tokens, passwords, and the names people give themselves."""
