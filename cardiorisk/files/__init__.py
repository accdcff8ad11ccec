"""Files of patients as people have them: one reader for every kind, by pyarrow."""
