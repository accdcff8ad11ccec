"""How much somebody may ask: the fixed minute of a plan, and attempts to log in."""
