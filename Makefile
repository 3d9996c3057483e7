# From a bare clone, `make demo` and `make test` do all the set-up; a second run takes seconds.
EXTRAS ?= all,crf
BIN    := .venv/bin
READY  := .venv/.ready-$(EXTRAS)
NEEDS  := uv $(if $(findstring crf,$(EXTRAS)),compiler)
PYTEST := HF_HUB_OFFLINE=1 $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

# What another project exported must not reach into this one.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME QT_API QT_QPA_PLATFORM

# An account without a home: uv, napari and Qt want a place for what they keep.
ifeq (,$(shell test -w "$$HOME" && echo yes))
export HOME := $(CURDIR)/.home
endif

.NOTPARALLEL:
.PHONY: help install demo test test-fast lint docs clean system

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

install: $(READY)  ## make .venv with the package in it, editable

demo: $(READY)  ## segment a real micrograph; says where the report is
	$(BIN)/vitrail demo $(ARGS)

test test-fast: NEEDS += screen
test: $(READY)  ## run all tests; ARGS="-k name" for some
	$(PYTEST) $(ARGS)

test-fast: $(READY)  ## leave out the slow tests
	$(PYTEST) -m "not slow" $(ARGS)

lint: .venv/.ready-lint  ## everything CI checks besides the tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/typos
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/validate-pyproject pyproject.toml
	$(BIN)/npe2 validate src/napari_vitrail/napari.yaml

docs: .venv/.ready-docs  ## build the documentation into site/
	$(BIN)/python -m mkdocs build --strict

clean:  ## remove the environment and everything built
	rm -rf .venv .uv .home build dist site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(READY): pyproject.toml tools/install.sh | system
	tools/install.sh --editable '.[$(EXTRAS)]' --group test
	@touch '$@'

.venv/.ready-%: pyproject.toml | $(READY)
	tools/install.sh --group $*
	@touch $@

system:
	@tools/system.sh $(NEEDS)
