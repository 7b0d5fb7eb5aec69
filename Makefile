# Two commands: `make demo` and `make test`. Both make their environment first, both can be repeated.
#
#   PYTHON=python3.12   another interpreter (3.11 or newer)
#   PIP_FLAGS=…         more flags for pip, for example an index with another torch build (see README)

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP_FLAGS ?=
VENV := .venv
BIN := $(VENV)/bin
# What pip says is kept in a file, and shown only if it fails.
PIP := $(BIN)/python -m pip --disable-pip-version-check install -c constraints.txt $(PIP_FLAGS)
LOG := $(VENV)/pip.log
QUIETLY = > $(LOG) 2>&1 || { status=$$?; cat $(LOG) >&2; exit $$status; }
# One thread a worker: two workers with two threads each would spin against each other on two cores.
TEST_ENV := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
WORKERS ?= 2

.PHONY: demo test test-all lint format clean

demo: $(VENV)/.run
	$(BIN)/ikun demo

test: lint
	$(TEST_ENV) $(BIN)/python -m pytest -n $(WORKERS) -m "not slow"

test-all: lint
	$(TEST_ENV) $(BIN)/python -m pytest -n $(WORKERS)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/bin/python:
	@echo "making the environment in $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing ikun with torch: minutes, mostly download ($(LOG) follows it)"
	@$(PIP) -e ".[validate]" $(QUIETLY)
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@echo "installing what the tests need: minutes, mostly download ($(LOG) follows it)"
	@$(PIP) -e ".[validate,train,sweep,dev,interop]" $(QUIETLY)
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
