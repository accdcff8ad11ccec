"""Scoring files of patients without the service: any size of file, the same network."""
