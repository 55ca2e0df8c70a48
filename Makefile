# `make demo` and `make test` set up what they need themselves; `make` alone lists the targets.
# Any Python from 3.11 on will do; `make PYTHON=/path/to/python ...` names one.

export PYTHON
BIN := .venv/bin

# A stamp says what is installed: the extras, and a hash of what was asked for. Where it stands, setup costs nothing.
ASKED := $(shell cat pyproject.toml constraints.txt | git hash-object --stdin)
BENCH := .venv/installed-bench-$(ASKED)
DEV := $(firstword $(wildcard $(BENCH)) .venv/installed-dev-$(ASKED))
DEMO := $(firstword $(wildcard $(DEV)) .venv/installed-demo-$(ASKED))

.PHONY: help setup demo test check bench nightly clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

setup: $(DEV) ## install all that tests and checks need, into .venv

demo: $(DEMO) ## two years of a few thousand borrowers under policies/consumer-loan.yaml, and a report
	$(BIN)/linekeeper demo $(ARGS)

test: $(DEV) ## all tests, and the examples in docstrings; ARGS="tests/kernel -n 0" for some
	$(BIN)/pytest $(ARGS)

check: $(DEV) ## style, types, layers, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy benchmarks
	$(BIN)/lint-imports --no-logo
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(BENCH) ## all benchmarks, one after the other
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

nightly: $(DEV) ## the property tests at length, tests that take minutes, generated policies by 1,000 lives (hours)
	LINEKEEPER_HYPOTHESIS=nightly $(BIN)/pytest -m "nightly or hypothesis" $(ARGS)
	$(BIN)/python -m tests.kernel.nightly
	$(BIN)/python -m tests.kernel.settings --optimised
	$(BIN)/python -m tests.erasure.interleavings --count 2000
	$(BIN)/python -m tests.hostile --count 1000
	$(BIN)/python -m tests.faults.kills --count 200
	$(BIN)/python -m tests.faults.changes --count 500

clean: ## remove what tests and builds leave behind; .venv stays
	rm -rf site dist build .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

.venv/installed-demo-%:
	@.ci/install && touch $@

.venv/installed-dev-%:
	@.ci/install dev && touch $@

.venv/installed-bench-%:
	@.ci/install dev,bench,peers && touch $@
