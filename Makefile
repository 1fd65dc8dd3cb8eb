# Everything runs in an environment of its own, .venv; PYTHON picks the interpreter it is made from.
PYTHON ?= python3
BIN := .venv/bin
GATE ?=
# Of `make long`: alerts that are streamed, workers that share them, kills of these and of the broker.
ALERTS ?= 25000
WORKERS ?= 3
KILLS ?= 64
BROKER_KILLS ?= 6

.PHONY: help run picture check lint types test slow packaging long format hooks bench bench-gate compare kafka kafka-stop clean
.DEFAULT_GOAL := help

# A line of two hashes and an "at" begins a group of the list; two hashes say what the target before them does.
help:
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { print (n++ ? "\n" : "") substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ See it work
run: .venv/core ## install, compile, and run the demo
	-@$(BIN)/varstream warm
	$(BIN)/varstream demo

picture: .venv/core ## draw the picture of the README anew
	$(BIN)/varstream picture --seed 6 --output docs/classification.svg

##@ Check a change
check: lint types test slow packaging bench-gate ## the whole check, one after the other: lint, types, test, slow, packaging, bench-gate
check: GATE := --short

lint: .venv/dev ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev ## check types
	$(BIN)/mypy
	cd deploy/kafka && ../../$(BIN)/mypy --scripts-are-modules kafka node.py

test: .venv/dev ## run the tests
	$(BIN)/python -m pytest -m "not packaging and not slow and not long" -n 2 --dist loadfile

slow: .venv/dev ## run the tests that take long and seldom find what the others do not
	$(BIN)/python -m pytest -m "slow and not long" -n 2 --dist loadfile

packaging: .venv/dev ## build the wheel and run it in an empty environment
	$(BIN)/python -m pytest -m packaging

long: .venv/dev ## what takes longer than the check: every fault on a real broker, and many kills of workers and broker
	$(BIN)/python -m pytest -m long
	$(BIN)/python -m tests.chaos --alerts $(ALERTS) --workers $(WORKERS) --worker-kills $(KILLS) --broker-kills $(BROKER_KILLS)

format: .venv/dev ## put right what lint complains of, where a program can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

hooks: .venv/dev ## from now on look at style and types before every commit
	$(BIN)/pre-commit install

##@ Measure a change
compare: .venv/dev ## compare what the commands write with an earlier commit's: make compare COMMIT=abc123
	@test -n "$(COMMIT)" || { echo "with which commit? make compare COMMIT=abc123" >&2; exit 2; }
	$(BIN)/python -m tests.compare $(COMMIT)

bench: .venv/dev ## compare speeds with other packages on this machine
	$(BIN)/python -m tests.benchmarks

bench-gate: .venv/dev ## see whether the features have become slower against the same packages
	$(BIN)/python -m tests.benchmarks.gate $(GATE)

##@ Kafka on this machine
kafka: .venv/core ## start a real Apache Kafka (needs Java 17 and Maven)
	$(BIN)/python deploy/kafka/kafka start
	$(BIN)/python deploy/kafka/kafka topics create alerts
	$(BIN)/varstream topics create --config deploy/kafka/target/run/client.toml --set 'kafka.topics=["alerts"]'

kafka-stop: .venv/core ## stop it
	$(BIN)/python deploy/kafka/kafka stop

##@ Start afresh
clean: ## remove the environment and everything built
	rm -rf .venv .cache dist deploy/kafka/target

.venv/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/core: .venv/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/dev: .venv/core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev,training]"
	@touch $@
