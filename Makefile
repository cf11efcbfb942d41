# Everything runs in .venv beside this file; each target sets up what it needs. PYTHON names another interpreter.
PYTHON ?= python3.11
BIN := .venv/bin
PORT ?= 8000
MINUTES ?= 1

.PHONY: install run demo test fuzz check fix bench reference lock screenshots

install: .venv/run-ready

run: .venv/run-ready
	$(BIN)/aggregator serve --port $(PORT)

demo: .venv/run-ready
	$(BIN)/aggregator demo --port $(PORT)

test: .venv/dev-ready
	$(BIN)/pytest

# The targets of tests/fuzz with random examples for MINUTES; `make test` tries them on a few fixed ones.
fuzz: .venv/dev-ready
	$(BIN)/python tests/fuzz/run.py $(MINUTES)

check: .venv/dev-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/audit.py

fix: .venv/dev-ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/dev-ready
	$(BIN)/python bench/parse.py
	$(BIN)/python bench/ingest.py
	$(BIN)/python bench/poller.py
	$(BIN)/python bench/dedupe.py
	$(BIN)/python bench/pacing.py
	$(BIN)/python bench/serve.py
	$(BIN)/python bench/search.py
	$(BIN)/python bench/pages.py
	$(BIN)/python bench/scale.py
	cd bench && ../$(BIN)/python -m peers

# What is written from the tables of keys; a test tells when it is stale.
reference: .venv/run-ready
	$(BIN)/aggregator schema > config.schema.json
	$(BIN)/aggregator schema --markdown > docs/config.md

# The README's pictures, of the `make demo` that runs meanwhile.
screenshots: .venv/dev-ready
	$(BIN)/python docs/screenshots.py http://127.0.0.1:$(PORT) docs

# Hashes, and no line that names an index: pip uses the one of the machine it runs on.
lock: .venv/dev-ready
	$(BIN)/uv pip compile pyproject.toml --extra build --universal --python-version 3.11 --no-emit-index-url \
	  --no-emit-find-links --generate-hashes --custom-compile-command "make lock" -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra build --extra dev -c requirements.lock --universal --python-version 3.11 \
	  --no-emit-index-url --no-emit-find-links --generate-hashes --custom-compile-command "make lock" \
	  -o requirements-dev.lock

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run-ready: .venv/bin/python requirements.lock pyproject.toml
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

.venv/dev-ready: .venv/run-ready requirements-dev.lock
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@
