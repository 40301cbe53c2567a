# Each target does its own set-up, once: `make demo` and `make test` are all that one has to type.
#   VENV=dir      the virtual environment (default .venv)      PYTHON=python3.12   what it is made with
#   N=10000 SEED=1 ONLY=disk-full   how many faults, from which seed on, which ones
#   SOURCE=pipe DATABASE=sqlite   on what `make kills` kills runs (default: all sources, SQLite and PostgreSQL)
#   SECONDS=3600 SEED=1   for how long `make hunt-markup` (processor time) and `make fuzz` search, and from which seed on
#   SERVE=0       the demo does not serve                      TESTS='tests/mail -k name'   what `make test` runs
#   WORKERS=4     how many processes share the tests (default: one a core, at most 4; 0: none but pytest's own)

VENV ?= .venv
SERVE ?= 1
TESTS ?= tests
WORKERS ?= auto
N ?= 1000
SEED ?= 1
SECONDS ?= 600
BIN := $(VENV)/bin
# Each process has servers of its own, and begins with a row of neighbouring modules: these share an environment.
# Who has no more to do takes tests from the others.
SHARED := --numprocesses $(WORKERS) --maxprocesses 4 --dist worksteal
PACKAGING := setup.cfg pyproject.toml .ci/venv

.PHONY: help demo quick test coverage check format corpus bench histories faults cuts kills fuzz hunt hunt-markup matrix pictures clean

help:
	@echo "make demo     a Trac environment with a dozen mails, fetched and served (SERVE=0: not served)"
	@echo "make quick    the tests of modules that need neither a server nor an environment: a minute"
	@echo "make test     every test, against real servers on loopback ports"
	@echo "make coverage PATHS=mail   which branches of each module its own tests cover (all without PATHS)"
	@echo "make check    lint, types, layers, and the rules of the house"
	@echo "make format   lay out the code as make check wants it"
	@echo "make corpus   read the mails of other projects, and say how well"
	@echo "make bench    the benchmarks"
	@echo "make histories N=1000  mailboxes whose servers and services do anything, so many (SEED=1)"
	@echo "make faults N=10000   break things at random, so many times (SEED=1, ONLY=fault,...)"
	@echo "make cuts     cut the power of a disk, 30 times for each kind of source and moment (N=30; needs root)"
	@echo "make kills N=1000     kill runs at random moments, and at the n-th call of a kind (SEED=1, SOURCE=pipe, DATABASE=sqlite)"
	@echo "make fuzz SECONDS=3600   search for mail that breaks a promise of the parser (SEED=1; needs atheris)"
	@echo "make hunt N=100000   compose replies, and say which are cut wrongly (SEED=1)"
	@echo "make hunt-markup SECONDS=3600   search for mail whose text becomes markup in Trac (SEED=1)"
	@echo "make matrix   the tests on each Python and each database that is here"
	@echo "make pictures  the pictures of docs/tour.md, taken by the test that does what it tells"
	@echo "make clean    remove what the targets above made"

demo: $(VENV)/.product
	@SERVE=$(SERVE) $(BIN)/python examples/demo.py

# No server, no environment of Trac: what one runs at each save.
quick: $(VENV)/.tests
	$(BIN)/pytest -q --quick tests

test: $(VENV)/.tests
	@.ci/servers
	$(BIN)/pytest $(SHARED) $(TESTS)

# PATHS='mail sources/net'
coverage: $(VENV)/.tests
	@.ci/servers
	@$(BIN)/python -m tests.own_coverage $(PATHS)

check: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -m "not packaging" tests/house

format: $(VENV)/.tests
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

corpus: $(VENV)/.tests
	@$(BIN)/python -m tests.corpus

bench: $(VENV)/.tests
	@.ci/servers
	@$(BIN)/python -m benchmarks

# PYTHONS='python3.12 /opt/x/bin/python3'   MATRIX_TESTS='tests/tracker'   MATRIX_DATABASES='mariadb'   MATRIX_JOBS=2
matrix:
	@.ci/servers
	@$$(.ci/python) -m tests.matrix

faults: $(VENV)/.tests
	@.ci/servers
	@$(BIN)/python -m tests.faults --tries $(N) --seed $(SEED) $(if $(ONLY),--only $(ONLY))

histories: $(VENV)/.tests
	@$(BIN)/python -m tests.histories --tries $(N) --seed $(SEED)

cuts: $(VENV)/.tests
	@.ci/servers
	@$(BIN)/python -m tests.cuts --each $(if $(filter command line,$(origin N)),$(N),30) --seed $(SEED)

kills: $(VENV)/.tests
	@.ci/servers
	@$(BIN)/python -m tests.kills --kills $(N) --seed $(SEED) $(if $(SOURCE),--source $(SOURCE)) $(if $(DATABASE),--database $(DATABASE))

# What is worth to keep goes into build/fuzz.
fuzz: $(VENV)/.tests
	@$(BIN)/pip install -qq 'atheris>=3.0'
	@mkdir -p build/fuzz
	@$(BIN)/python -m tests.fuzz build/fuzz tests/data -max_total_time=$(SECONDS) -seed=$(SEED)

hunt: $(VENV)/.tests
	@$(BIN)/python -m tests.composed --number $(if $(filter command line,$(origin N)),$(N),100000) --seed $(SEED)

hunt-markup: $(VENV)/.tests
	@$(BIN)/python -m tests.security.hunt --seconds $(SECONDS) --seed $(SEED)

pictures: $(VENV)/.tests
	@.ci/servers
	@rm -f docs/pictures/*.png
	@mkdir -p docs/pictures
	MAILINTAKE_PICTURES=$(CURDIR)/docs/pictures MAILINTAKE_REQUIRE_SERVERS=1 $(BIN)/pytest -q tests/components/panels/test_tour.py

clean:
	rm -rf $(VENV) build demo dist *.egg-info .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.product: $(PACKAGING)
	@.ci/venv $(VENV) -e .
	@touch $@

$(VENV)/.tests: $(PACKAGING)
	@.ci/venv $(VENV) -e '.[test]'
	@touch $@ $(VENV)/.product
