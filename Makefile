# The two commands of README.md, and what they are made of. Needs Python 3.11 or newer and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TYPED := .build/installed
DATABASE := $(if $(DB),--db "$(DB)")

.PHONY: run test lint types docs unit integration e2e reliability soak fuzz dist clean

run: $(VENV)/run.stamp
	@test -n "$(PHOTOS)" || { echo "say which folder: make run PHOTOS=~/Pictures"; exit 2; }
	@$(BIN)/scened $(DATABASE) run --once "$(patsubst ~%,$(HOME)%,$(PHOTOS))"

test: lint types docs unit integration e2e

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Type checkers do not see through setup.cfg's package_dir, so an installed copy is checked;
# training is not in the wheel and is laid beside it.
types: $(VENV)/test.stamp
	rm -rf $(TYPED)
	$(BIN)/pip install --quiet --no-deps --target $(TYPED) .
	cp -r models/training $(TYPED)/scened/models/training
	MYPYPATH=$(TYPED) $(BIN)/mypy -p scened

# The pages made from code are in step with it, and links lead somewhere.
docs: $(VENV)/test.stamp
	$(BIN)/python -m pytest -q tests/unit/test_docs.py tests/unit/test_settings_page.py

unit integration e2e: $(VENV)/test.stamp
	$(BIN)/python -m pytest -q tests/$@

# For hours: what the end-to-end tests of faults try a few times, tried many times and differently;
# then one daemon that works for an hour
soak: $(VENV)/test.stamp
	SCENED_SOAK_EXAMPLES=100 SCENED_SOAK_STEPS=100 SCENED_SOAK_ALBUM=2000 SCENED_SOAK_KILLS=1000 \
	SCENED_SOAK_STOP_SECONDS=60 SCENED_SOAK_STORM=10000 \
	$(BIN)/python -m pytest -q --hypothesis-profile=default \
		tests/e2e/test_truth.py tests/e2e/test_random_kills.py tests/e2e/test_trouble.py \
		tests/e2e/test_storm.py
	$(BIN)/python benchmarks/soak.py --photos 100000

# Tries every promise of docs/reliability.md, breaks some on purpose, and writes the page
reliability: $(VENV)/test.stamp
	$(BIN)/python -m tests.reliability

# Each parser of ours, and then the decoders, so many minutes each
MINUTES ?= 20

fuzz: $(VENV)/test.stamp
	$(BIN)/pip install --quiet --editable '.[fuzz]'
	for target in metadata manifest settings query; do \
	    $(BIN)/python -m tests.fuzz $$target --minutes $(MINUTES) || exit 1; \
	done
	$(BIN)/python -m tests.fuzz.mutation --minutes $(MINUTES)

# Reproducible sdist and wheel, in dist/
dist: $(VENV)/test.stamp
	$(BIN)/python .ci/dist.py dist

$(VENV)/run.stamp: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "scened needs Python 3.11 or newer")'
	@echo "setting up an environment in $(VENV); this takes about a minute, once"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[gallery,test,check]'
	touch $@

clean:
	rm -rf $(VENV) .build build dist *.egg-info
