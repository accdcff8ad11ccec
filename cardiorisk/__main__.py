"""The command line's front door: ``cardiorisk`` and ``python -m cardiorisk``."""
