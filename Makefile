# What developers run.  `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
HOUSING := .venv-housing
CHECK_PYTHON = $(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(VENV)/ready: requirements/dev.txt pyproject.toml
	$(CHECK_PYTHON)
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(PEERS)/ready: $(VENV)/ready requirements/peers.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEERS)
	$(BIN)/uv pip sync --quiet --require-hashes --python $(PEERS)/bin/python requirements/peers.txt
	touch $@

$(HOUSING)/ready: requirements/housing.txt pyproject.toml
	$(CHECK_PYTHON)
	$(PYTHON) -m venv --clear $(HOUSING)
	$(HOUSING)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/housing.txt
	$(HOUSING)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(VENV)/ready ## the main job on synthetic data, or DATA=file.csv.gz ID=… TIME=… VALUE=… [WHERE=column=text]; ENGINE=ray on two logical hosts
	$(BIN)/python -m examples.demo $(if $(DATA),--data '$(DATA)') $(if $(ID),--id '$(ID)') \
		$(if $(TIME),--time '$(TIME)') $(if $(VALUE),--value '$(VALUE)') $(if $(WHERE),--where '$(WHERE)') \
		$(if $(ENGINE),--engine '$(ENGINE)')

workflow: $(VENV)/ready ## readings -> evaluated, gated, registered fleet, without an account; or DATA=file.csv.gz ID=… TIME=… VALUE=… [CUTOFF=2026-01-01]
	$(BIN)/python -m examples.workflow $(if $(DATA),--data '$(DATA)') $(if $(ID),--id '$(ID)') \
		$(if $(TIME),--time '$(TIME)') $(if $(VALUE),--value '$(VALUE)') $(if $(CUTOFF),--cutoff '$(CUTOFF)')

housing: $(HOUSING)/ready ## a table of houses, XGBoost over Ray, the registry and an inference.py of its own; HOUSES=5000, MAX_MASE=0.3
	$(HOUSING)/bin/python -m examples.housing $(if $(HOUSES),--houses $(HOUSES)) $(if $(MAX_MASE),--max-mase $(MAX_MASE))

test: check docs $(VENV)/ready ## style, types and the test suite, no Docker needed; SEEDS=fresh for other random examples
	$(BIN)/pytest --ignore tests/image $(if $(filter fresh,$(SEEDS)),--hypothesis-profile=fresh)

check: $(VENV)/ready ## style and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/ready ## the documentation as a site in build/site; fails for broken links and for files from other hosts
	$(BIN)/python -B -m docs.tables
	$(BIN)/zensical build --strict
	! grep -rE 'src="?(https?:)?//' build/site --include='*.html'

faults: $(VENV)/ready ## kill, stop, fill the disk …: a few minutes; FULL=1 for the full counts (hours)
	$(BIN)/pytest tests/faults -m faults $(if $(FULL),--full)

bench-core: $(VENV)/ready ## the numeric core against stock Prophet
	$(BIN)/python -m benchmarks.core

bench-train: $(VENV)/ready ## a fleet's training against a loop of stock Prophet
	$(BIN)/python -m benchmarks.train

bench-serving: $(VENV)/ready ## serving against the stock stack; needs wrk
	$(BIN)/python -m benchmarks.serving

bench-endpoint: $(VENV)/ready ## the plain endpoint against Flask with stock Prophet inside; needs wrk
	$(BIN)/python -m benchmarks.endpoint

bench-random: $(VENV)/ready ## random series of every kind, estimate by estimate, against stock Prophet
	$(BIN)/python -m benchmarks.random_series

bench-accuracy: $(VENV)/ready $(PEERS)/ready ## forecast errors of TABLES='a.csv.gz …' beside stock Prophet and statsforecast; EVERY=20
	$(BIN)/python -m benchmarks.accuracy --peers $(PEERS)/bin/python $(if $(EVERY),--every $(EVERY)) $(TABLES)

bench-jobs: $(VENV)/ready ## forecast errors of repeated jobs on TABLES='a.csv.gz …' with keep_incumbent and without it; EVERY=20
	$(BIN)/python -m benchmarks.repeated_jobs $(if $(EVERY),--every $(EVERY)) $(TABLES)

bench-fleet: $(VENV)/ready ## customers with few readings on TABLES='a.csv.gz …' with fleet_statistics and without them; EVERY=20
	$(BIN)/python -m benchmarks.few_readings $(if $(EVERY),--every $(EVERY)) $(TABLES)

bench-tune: $(VENV)/ready ## forecast errors on TABLES='a.csv.gz …' with the settings that tune finds; MODELS=auto, EVERY=20, BUDGET=600 CPU seconds
	$(BIN)/python -m benchmarks.tune $(if $(EVERY),--every $(EVERY)) $(if $(BUDGET),--budget $(BUDGET)) \
		$(if $(MODELS),--models $(MODELS)) $(TABLES)

bench-global: $(VENV)/ready ## the model of all customers on TABLES='a.csv.gz …': errors, new customers, cost; EVERY=20
	$(BIN)/python -m benchmarks.global_model $(if $(EVERY),--every $(EVERY)) $(TABLES)

bench-global-hosts: $(VENV)/ready ## the trees of the model of all customers by one process and by two hosts, on TABLES='a.csv.gz …' and made-up fleets with ROWS='200000 …'
	$(BIN)/python -m benchmarks.global_hosts $(TABLES) --rows $(ROWS)

bench-holidays: $(VENV)/ready ## forecasts of a holiday by jobs that know it and jobs that do not
	$(BIN)/python -m benchmarks.holidays

bench-global-growth: $(VENV)/ready ## the training of the model of all customers as a fleet grows
	$(BIN)/python -m benchmarks.global_growth

bench-conformance: $(VENV)/ready ## the multi-model contract, judged on Fleetcast and on the stock stack
	$(BIN)/python -m benchmarks.conformance

bench-ray: $(VENV)/ready ## the engine ray against local: its cost, and the fleet in which it is faster
	$(BIN)/python -m benchmarks.engines

bench-brought: $(VENV)/ready ## what bfloat16 changes for a brought PyTorch model; TORCH=… is a Python with torch
	$(BIN)/python -m benchmarks.brought_model $(if $(TORCH),--python '$(TORCH)')

image: ## build the container image (./build.sh --help); VARIANT=ray for the one with Ray and XGBoost, VARIANT=both
	./build.sh $(if $(VARIANT),--variant $(VARIANT))

images: ## build all images: for both architectures, with Ray and without it; needs emulation of arm64
	./build.sh --arch both --variant both

test-image: $(VENV)/ready ## the tests inside containers; needs Docker and `make image`, or `make images`
	$(BIN)/pytest tests/image

lock: $(VENV)/ready ## renew requirements/*.txt from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
		pyproject.toml --extra process --extra train --extra serve --extra workflow -o requirements/image.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
		pyproject.toml --extra global --extra ray --constraint requirements/image.txt \
		$$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements/image.txt) -o requirements/image-ray.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
		pyproject.toml --all-extras --group dev -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
		pyproject.toml --extra serve --extra workflow --extra global --extra ray --extra demo \
		requirements/housing.in --constraint requirements/dev.txt -o requirements/housing.txt
	for own in sagemaker-v2 sagemaker-v3 peers; do \
		$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
			requirements/$$own.in -o requirements/$$own.txt || exit 1; done

clean: ## remove everything that make created
	rm -rf $(VENV) $(PEERS) $(HOUSING) .cache .venv-sdk2 .venv-sdk3 demo workflow build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

.PHONY: help demo workflow housing test check docs faults bench-core bench-train bench-serving bench-endpoint bench-random bench-accuracy bench-jobs bench-fleet bench-tune bench-global bench-global-hosts bench-holidays bench-global-growth bench-conformance bench-ray bench-brought image images test-image lock clean
