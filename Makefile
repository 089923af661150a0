# Thin targets; continuous integration calls the same ones.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

BENCH ?= footprint latency pipeline overload
SOAK_SECONDS ?= 600
SOAK_RATE ?= 300

.PHONY: up test faults soak check audit fmt bench kafka browser tracker lock

up: $(STAMP)  ## set up if needed, then run the whole pipeline; make up ARGS="--data D --port P"
	@exec $(BIN)/headrace up $(ARGS)

test: $(STAMP)  ## the whole test suite, three modules at a time; make test ARGS="-n 0 tests/schemas"
	@exec $(BIN)/python -m pytest -n 3 --dist loadscope $(ARGS)

faults: $(STAMP)  ## every fault, the slow ones too, and a table of what each cost; then the soak
	@$(BIN)/python -m pytest -n 2 --dist loadscope -m faults --all-faults $(ARGS)
	@$(MAKE) --no-print-directory soak

soak: $(STAMP)  ## ten minutes of steady events with a random fault every 20 s
	@exec $(BIN)/python -m tests.faults.soak --seconds $(SOAK_SECONDS) --rate $(SOAK_RATE)

check: $(STAMP)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: .audit/bin/pip-audit  ## known vulnerabilities of what requirements.lock pins (asks pypi.org)
	.audit/bin/pip-audit --strict --require-hashes --disable-pip --requirement requirements.lock

.audit/bin/pip-audit:
	@$(PYTHON) -m venv .audit
	@.audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit

fmt: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)  ## measure this machine: tables, and JSON and PNG in .bench (a quarter of an hour); never part of the tests
	@mkdir -p .bench
	@for what in $(BENCH); do \
	  $(BIN)/headrace bench $$what --json .bench/$$what.json --png .bench/$$what.png || exit 1; \
	done

kafka: $(STAMP)  ## Apache Kafka from its official jars (needs Maven and a JDK), until Ctrl-C
	@exec $(BIN)/python -m tests.contracts.apache_kafka

browser:  ## Debian's chromium, for tests/browser; nothing to do where there is a browser
	@for name in chromium chromium-browser google-chrome-stable google-chrome; do \
	  command -v $$name >/dev/null && exit 0; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update --quiet=2 && apt-get install --quiet=2 --yes --no-install-recommends chromium; \
	else echo "tests/browser needs a browser: install Debian's package chromium as root" >&2; exit 1; fi

tracker:  ## headrace.js from its TypeScript (needs Node and npm)
	cd ingest/tracker && npm ci --silent --ignore-scripts --no-audit --no-fund && npm run --silent check && npm run --silent build

lock:  ## resolve requirements.lock anew (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate -o requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "headrace needs Python 3.11 or newer: make up PYTHON=/path/to/python3.11")'
	@echo "Setting up .venv (once; about a minute) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
