# The two commands that matter: `make demo` and `make test`.
# Another interpreter: make PYTHON=python3.12 test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO := build/demo
# The trained model that the demo shows first: a preset that ships, or its folder.
DEMO_PRESET ?= scenes_256
SCENES := $(BIN)/python recipes/scenes.py
# tests/conftest.py says which tests share a process, and which come first.
PYTEST := $(BIN)/python -m pytest -n 2 --no-loadscope-reorder
BENCH_PYTHON ?= $(BIN)/python

# What `make presets` trains on, and a further --set for both trainings, such as
# SET="losses.perceptual_weights=FILE".
AERIAL := ../shared/data/aerial
PRESETS := build/presets
SET :=

.PHONY: help .venv test test-slow lint format demo docs pictures bench bench-check \
	chaos clean distclean presets scenes_256 aerial_256

help:
	@echo "make demo       draw street scenes by the shipped weights, then train a small"
	@echo "                CC-FPSE on drawn scenes; two galleries"
	@echo "make test       lint and the fast tests"
	@echo "make test-slow  the slow tests"
	@echo "make lint       ruff check, ruff format --check, mypy"
	@echo "make format     let ruff rewrite the sources"
	@echo "make docs       build the documentation's site in build/site"
	@echo "make pictures   take the documentation's screenshots again (Chromium)"
	@echo "make bench      run all benchmarks, rewrite benchmarks/results and its table"
	@echo "make bench-check  quick benchmarks against the recorded ratios"
	@echo "make chaos      kill, damage and outlast a small training; prints tables"
	@echo "make presets    train the weights that ship, or go on with them (hours; -j2:"
	@echo "                both at once; docs/presets.md)"
	@echo "make clean      remove build/ and caches; distclean: .venv as well"

.venv: $(INSTALLED)

# The stamp is written last, so an interrupted installation is taken up again.
$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	  echo "error: Python 3.11, 3.12 or 3.13 is needed, for which there is" \
	    "TensorFlow; '$(PYTHON)' is" \
	    "$$($(PYTHON) --version 2>&1 || true)." \
	    "Name another one: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "error: '$(PYTHON) -m venv' failed; on Debian and Ubuntu:" \
	    "apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --editable '.[test]'
	@touch $@

lint: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	$(PYTEST) -m "not slow"

test-slow: .venv
	$(PYTEST) -m slow

demo: .venv
	$(SCENES) prepare --records $(DEMO)/layouts --size 256x256 --train 1 --val 8
	$(SCENES) generate --preset $(DEMO_PRESET) --records $(DEMO)/layouts \
	  --out $(DEMO)/shipped --styles 3
	@echo
	@echo "drawn by the shipped weights: $(CURDIR)/$(DEMO)/shipped/index.html"
	@echo "Now a small model is trained; you may stop it (Ctrl+C)."
	@echo
	$(SCENES) prepare --records $(DEMO)/records
	$(SCENES) train --records $(DEMO)/records --run $(DEMO)/run --demo
	$(SCENES) generate --run $(DEMO)/run --out $(DEMO)/gallery --styles 3
	@echo
	@echo "shipped   $(CURDIR)/$(DEMO)/shipped/index.html"
	@echo "records   $(CURDIR)/$(DEMO)/records"
	@echo "run       $(CURDIR)/$(DEMO)/run  (curves: $(BIN)/tensorboard --logdir $(DEMO)/run)"
	@echo "gallery   $(CURDIR)/$(DEMO)/gallery/index.html"

# Warnings are errors. Tests read the pages without these packages.
docs: .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --editable '.[docs]'
	$(BIN)/python docs/site/build.py

pictures: .venv
	$(BIN)/python -m tests.pictures docs

# PyTorch and matplotlib are optional: pip install '.[bench]'
bench: .venv
	$(BENCH_PYTHON) -m benchmarks

bench-check: .venv
	$(BENCH_PYTHON) -m benchmarks.check

chaos: .venv
	$(BIN)/python -m tests.chaos

# Preparing and training go on where they were stopped, and end at once where they are
# finished; the preset is written again.
presets: scenes_256 aerial_256

scenes_256: RECIPE = $(SCENES)
scenes_256: PREPARE = --size 256x256
scenes_256: TRAIN = --compact
scenes_256: TITLE = Drawn streets, 256x256
scenes_256: LICENCE = --licence apache-2.0

aerial_256: RECIPE = $(BIN)/python recipes/aerial.py
aerial_256: LAYOUTS = --labels docs/cards/aerial_256
aerial_256: TITLE = A town from above, 256x256
aerial_256: PREPARE = --images $(AERIAL)/images --labels $(AERIAL)/masks \
	--palette $(AERIAL)/palette.txt --name aerial --keep-size \
	--val-fraction 0.1 --val-windows 256x256

scenes_256 aerial_256: .venv
	$(RECIPE) prepare --records $(PRESETS)/$@/records $(PREPARE)
	$(RECIPE) train --records $(PRESETS)/$@/records --run $(PRESETS)/$@/run $(TRAIN) \
	  $(if $(SET),--set $(SET))
	$(RECIPE) evaluate --run $(PRESETS)/$@/run --out $(PRESETS)/$@/run/evaluation \
	  --features efficientnet-lite0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --editable '.[onnx]'
	$(RECIPE) preset --run $(PRESETS)/$@/run --out ccfpse_tf/presets/$@ \
	  --title "$(TITLE)" --card docs/cards/$@.md --onnx $(LAYOUTS) $(LICENCE)

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache
	find ccfpse_tf benchmarks recipes tfrecords tests -name __pycache__ -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
