"""The six clinical values of a patient, and how they are read."""
