PYTHON ?= python3
BIN := .venv/bin
# The processes and the order of tests are chosen in tests/scheduling.py.
IN_PARALLEL := -n logical --dist loadfile --no-loadscope-reorder
INSTALLED := .venv/.installed
# Compiled modules are kept: else each of the many processes that tests and servers are made of compiles all it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test long quick bench check types style up wheel docs lock generated
.DEFAULT_GOAL := demo

demo: $(INSTALLED)  ## the life cycle of a model on real data, in a few minutes
	@$(BIN)/leeway demo $(ARGS)

up: $(INSTALLED)  ## the local stack: servers, a worker, every project deployed
	@$(BIN)/leeway up

test: check  ## style, types, layers, and all tests but the long ones
	@$(BIN)/pytest $(IN_PARALLEL) --ignore=tests/architecture -m "not long" $(ARGS)

long: $(INSTALLED)  ## the long tests: lives of months, servers that are killed, `leeway up` from a wheel, each bench once
	@$(BIN)/pytest $(IN_PARALLEL) -m long tests/end_to_end tests/integration tests/leeway_up $(ARGS)

quick: $(INSTALLED)  ## what needs no server: units, laws, doctests, in two minutes
	@$(BIN)/pytest $(IN_PARALLEL) tests/unit tests/properties tests/architecture tasks flows deployments/docs $(ARGS)

check: $(INSTALLED)
	@$(MAKE) --no-print-directory --jobs=2 types style

types: $(INSTALLED)  ## takes as long as the rest of `make check`, and runs at the same time
	@$(BIN)/mypy

style: $(INSTALLED)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-cache && $(BIN)/pytest -q tests/architecture

bench: $(INSTALLED)  ## measured figures, each with a floor or a peer from the same run
	@$(BIN)/python -m tests.bench $(ARGS)

generated: $(INSTALLED)  ## write the files that are made from the code
	@$(BIN)/python -m flows.stack.generate

wheel: $(INSTALLED)  ## what `pip install` takes, in dist/
	@$(BIN)/python -m hatchling build -t wheel -d dist

docs: $(INSTALLED)  ## the documentation as a site that needs no network, in dist/docs
	@$(BIN)/python -m deployments.docs.builder dist/docs && echo "open dist/docs/index.html"

lock:  ## needs uv; names no registry
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --all-extras \
		pyproject.toml --output-file requirements.lock

$(INSTALLED): requirements.lock pyproject.toml infra/build_native.py $(wildcard tasks/compact/native/*)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Leeway needs Python 3.11 or newer; found %s. Try: make PYTHON=python3.12" % sys.version.split()[0])'
	@echo "installing $$(grep -c == requirements.lock) locked packages into .venv (once; about three minutes with pip, seconds with uv)"
	@if command -v uv >/dev/null; then \
		uv venv --quiet --allow-existing --python $(PYTHON) .venv && \
		uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		$(PYTHON) -m venv .venv && \
		$(BIN)/pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements.lock && \
		$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $(INSTALLED)
