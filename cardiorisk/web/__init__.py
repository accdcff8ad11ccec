"""The HTTP rooms: the only ones, with ``app`` and ``server``, that know Tornado."""
