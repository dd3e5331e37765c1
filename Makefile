# Every target works as the first command after git clone: scripts/bootstrap.py puts what it needs into .venv.

PYTHON ?= python3
RUN := .venv/bin/python
MINUTES ?= 10
COMMIT ?= HEAD
GATE_OPTIONS ?=
SHELL_FILES := install.sh .ci/run
# Tests wait more than they work, so more workers than cores pay. A file stays on one worker, with its fixtures.
WORKERS ?= 4
IN_PARALLEL = -n $(WORKERS) --dist loadfile
# What make quick runs: one module at a time, durable jobs beside one of the two SQS servers.
JOBS := $(addprefix tests/jobs/,backends carriers receiving sending)
UNIT_TESTS := tests/runtime tests/extension $(JOBS) tests/fuzz $(wildcard tests/test_*.py)

.DEFAULT_GOAL := help
.PHONY: help demo demo-jobs quick test test-faults test-all test-container soak fuzz lint bench bench-quick bench-sizes
.PHONY: bench-gate clean
.PHONY: .venv .venv-for-demo .venv-for-demo-jobs

help:
	@echo 'make demo            show a function that answers first and works afterwards'
	@echo 'make demo-jobs       show durable jobs on queues of this machine: retries, poison messages, dead letters'
	@echo 'make quick           check the code, then run the unit tests; half a minute'
	@echo 'make test            check the code, then run every test that needs no container'
	@echo 'make test-faults     kill, freeze and starve both processes at each point of their conversation; up to 15 minutes'
	@echo 'make test-all        run the same tests on each CPython from 3.10 to 3.14 that this machine has'
	@echo 'make soak            invoke a function for MINUTES (10) with random jobs, deadlines, crashes and re-inits'
	@echo 'make fuzz            feed random bytes to whatever one process reads from the other, for MINUTES (10)'
	@echo 'make test-container  run the tests that need Docker'
	@echo 'make lint            check the code only'
	@echo 'make bench           measure what it costs; up to 10 minutes, bench-quick up to 2'
	@echo 'make bench-sizes     measure the first and later jobs by memory size; needs root, a minute'
	@echo 'make bench-gate      compare what it costs with COMMIT (HEAD); fails if that has grown, two minutes'
	@echo 'make clean           remove .venv and everything else that these targets made'

demo: .venv-for-demo
	@echo 'demo: a shop on a local Lambda, which answers first and works afterwards'
	@$(RUN) examples/shop/demo.py --html build/demo.html

demo-jobs: .venv-for-demo-jobs
	@echo 'demo-jobs: an order, its three jobs, and a message that is not a job'
	@$(RUN) examples/jobs/demo.py

quick: lint
	@echo 'quick: the unit tests'
	@$(RUN) -m pytest -q $(IN_PARALLEL) -m 'not slow and not faults and not soak' -k 'not ministack' $(UNIT_TESTS)

test: lint
	@echo 'test: every test that needs no container'
	@$(RUN) -m pytest -q $(IN_PARALLEL) -m 'not container and not faults and not soak'

test-faults: .venv
	@echo 'test-faults: each fault at each point of the conversation'
	@$(RUN) -m pytest -m faults

test-all: lint
	@echo 'test-all: the tests on each CPython that this machine has'
	@$(RUN) scripts/test_all.py

soak: .venv
	@echo 'soak: $(MINUTES) minutes of random invokes'
	@SOAK_MINUTES=$(MINUTES) $(RUN) -m pytest -s -o faulthandler_timeout=0 tests/soak tests/jobs/test_model.py

fuzz: .venv
	@echo 'fuzz: $(MINUTES) minutes of bytes, kept in tests/fuzz/corpus'
	@FUZZ_MINUTES=$(MINUTES) $(RUN) -m pytest -s -o faulthandler_timeout=0 tests/fuzz

test-container: .venv
	@echo 'test-container: the tests that need Docker'
	@$(RUN) -m pytest -m container -o faulthandler_timeout=300

lint: .venv
	@echo 'lint: ruff, mypy, shell'
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m ruff format --quiet --check .
	@$(RUN) -m mypy --no-error-summary --scripts-are-modules lambda_punch extension extension/lambda-punch
	@$(RUN) -m mypy --no-error-summary scripts
	@$(RUN) -m mypy --no-error-summary --exclude '^benchmarks/functions/' benchmarks
	@sh -n install.sh
	@checker=.venv/bin/shellcheck; test -x $$checker || checker=$$(command -v shellcheck || true); \
	if test -n "$$checker"; then $$checker $(SHELL_FILES); \
	else echo 'lint: shellcheck is left out, because this machine has none'; fi

bench: .venv
	@echo 'bench: what lambda-punch costs, beside a do-nothing extension and no extension'
	@$(RUN) -m benchmarks --json build/benchmarks.json

bench-quick: .venv
	@echo 'bench-quick: the same with fewer rounds'
	@$(RUN) -m benchmarks --quick

bench-sizes: .venv
	@echo 'bench-sizes: what the first and later jobs cost by memory size'
	@$(RUN) -m benchmarks sizes

bench-gate: .venv
	@echo 'bench-gate: the working tree beside $(COMMIT)'
	@$(RUN) -m benchmarks.gate $(COMMIT) $(GATE_OPTIONS)

clean:
	@echo 'clean: remove what was made'
	@rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment, made as far as it is needed: a demo does not wait for the packages that only the tests use.
.venv: EXTRAS :=
.venv-for-demo: EXTRAS := local
.venv-for-demo-jobs: EXTRAS := local jobs
.venv .venv-for-demo .venv-for-demo-jobs:
	@command -v $(PYTHON) >/dev/null || { echo 'There is no $(PYTHON): install Python 3.10 or later' >&2; exit 1; }
	@$(PYTHON) scripts/bootstrap.py $(EXTRAS)
