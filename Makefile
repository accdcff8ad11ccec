# One command each; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
INSTALLED_TEST := $(VENV)/.installed-test
INSTALLED_BENCH := $(VENV)/.installed-bench
PIP := $(BIN)/pip --disable-pip-version-check --quiet
# A process a core, four at most, as each takes a gigabyte; a file's tests share what it starts.
TOGETHER := --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
SOURCES := setup.cfg pyproject.toml constraints.txt

.PHONY: help install serve test train lint bench bench-cluster bench-micro
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 15

install: $(INSTALLED) ## create .venv and install cardiorisk with its pinned dependencies

serve: install ## run the service on 127.0.0.1:8888 (PORT=9000 make serve for another port)
	@$(BIN)/cardiorisk serve $(if $(PORT),--port $(PORT))

test: $(INSTALLED_TEST) lint ## every check, then every test
	@$(BIN)/pytest $(TOGETHER) --cov --cov-report=term

lint: $(INSTALLED_TEST) ## ruff, mypy and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

train: install ## make the data, train the network, write its files and plots
	@$(BIN)/python train.py

bench: $(INSTALLED_BENCH) ## measure the service and its parts beside others, write docs/benchmarks.md
	@$(BIN)/python -m benchmarks.compare $(BENCH)
	@$(BIN)/python -m benchmarks.micro
	@$(BIN)/python -m benchmarks.report

bench-cluster: $(INSTALLED_BENCH) $(INSTALLED_TEST) ## measure several processes and what they share, fill in docs/cluster.md
	@$(BIN)/python -m benchmarks.cluster

bench-micro: $(INSTALLED_BENCH) ## time the parts of a request, refresh docs/benchmarks.md
	@$(BIN)/python -m benchmarks.micro
	@$(BIN)/python -m benchmarks.report

$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cardiorisk needs Python 3.11 or newer: PYTHON=python3.12 make install")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(INSTALLED): $(SOURCES) | $(VENV)
	@echo "Installing cardiorisk into $(VENV); the first time takes a minute or two..."
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(INSTALLED_TEST): $(INSTALLED)
	@echo "Installing what the tests need..."
	@$(PIP) install --constraint constraints.txt --editable '.[test]'
	@touch $@

$(INSTALLED_BENCH): $(INSTALLED)
	@echo "Installing what the benchmarks need..."
	@$(PIP) install --constraint constraints.txt --editable '.[bench]'
	@touch $@
