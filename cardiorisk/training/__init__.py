"""The training room: data, network, evaluation, artefact and plots; used by ``train.py`` only."""
