# `make help` lists what there is. Only Python 3.11 or later, git and make are needed.

PYTHON ?= python3
# The line of Airflow: 3, or 2.11 in an environment of its own.
AIRFLOW ?= 3
KEEP ?=
ARGS ?=

ifeq ($(AIRFLOW),3)
VENV := .venv
CONSTRAINTS := constraints.txt
else
VENV := .venv-$(AIRFLOW)
CONSTRAINTS := constraints-$(AIRFLOW).txt
endif
BIN := $(VENV)/bin

# What is installed along with an extra.
WITH_demo := demo
WITH_dev := demo dev
WITH_bench := demo dev bench
WITH_mutants := demo dev mutants

COVERAGE := --cov --cov-report=term-missing:skip-covered

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: demo test check bench mutants sandbox constraints clean help

demo: $(VENV)/.installed-demo ## Run the example DAG against a local gateway (KEEP=1 leaves its inbox open)
	@$(BIN)/python -m airflow_provider_mysmpp.sandbox.demo $(if $(KEEP),--keep)

test: $(VENV)/.installed-dev ## Run all tests (ARGS="tests/gateway -x" runs some; AIRFLOW=2.11 on the older line)
	@$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),$(COVERAGE))

check: $(VENV)/.installed-dev ## Lint, check the format and the types
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy

bench: $(VENV)/.installed-bench ## Measure speed and memory, and draw the picture in docs
	@$(BIN)/python -m tests.benchmarks $(ARGS)

mutants: $(VENV)/.installed-mutants ## Break the code that decides in two thousand places, and name what no test notices
	@$(BIN)/mutmut run $(ARGS)

sandbox: $(VENV)/.installed-demo ## Run the local gateway on port 8025, its inbox in a browser
	@$(BIN)/python -m airflow_provider_mysmpp.sandbox --port 8025 $(ARGS)

constraints: ## Resolve the pinned versions anew (needs uv)
	@.ci/constraints.sh

clean: ## Remove everything that these commands made
	@rm -rf .venv .venv-* build dist htmlcov .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache mutants
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:
	@echo "make <target> [PYTHON=python3.12] [AIRFLOW=2.11]"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-15s%s\n", $$1, $$2 }'

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo "error: there is no $(PYTHON); name your Python: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) .ci/check_python.py $(AIRFLOW)
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# All stamps go before pip begins: what an interrupted run leaves is not taken for an environment.
$(VENV)/.installed-%: $(VENV)/.made pyproject.toml $(CONSTRAINTS) airflow_provider_mysmpp/__init__.py
	@rm -f $(VENV)/.installed-*
	@$(BIN)/python .ci/install.py $* --constraints $(CONSTRAINTS) --log $(VENV)/install.log
	@touch $(addprefix $(VENV)/.installed-,$(WITH_$*))
