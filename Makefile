# Two commands do everything on a fresh machine: `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint datagen pretrain finetune sweep tensorboard clean bench-imu bench-bvh bench-differentiation test-instructor bench-text bench-loss cluster-test bench-memory bench-datagen bench-stream bench-pretrain bench-predict bench-finetune

PYTHON ?= python3
# The launcher of deepspeed and ninja are found here without activating the environment.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export RAY_USAGE_STATS_ENABLED := 0
export TOKENIZERS_PARALLELISM := false

# `make demo SIZE=smoke` is the same way with next to no data: for CI, not for results.
SIZE ?= demo
RUN ?= runs/$(SIZE)
# The launcher's own messages would hide those of the training.
QUIET := -q
# Further key=value overrides for datagen, pretrain, finetune and sweep.
ARGS ?=

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: .venv/.installed ## make .venv and install the locked dependencies

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed; give one as PYTHON=...")'
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --requirement requirements.lock
	.venv/bin/pip install --no-deps --editable .
	@touch $@

demo: setup ## motion -> shards -> pre-training -> fine-tuning on real watch data, about 10 minutes
	python -m datagen generate --config configs/datagen/$(SIZE).yaml output=$(RUN)/shards
	deepspeed $(QUIET) pretrain/train.py --config configs/pretrain/$(SIZE).yaml data=$(RUN)/shards output=$(RUN)/pretrain
	python -m finetune run --config configs/finetune/$(SIZE).yaml release=$(RUN)/pretrain/release output=$(RUN)/finetune
	@echo
	@echo "shards       $(RUN)/shards"
	@echo "release      $(RUN)/pretrain/release"
	@echo "report       $(RUN)/finetune/report.html"
	@echo "TensorBoard  make tensorboard"
	@echo "next         your own recordings: docs/targets.md; your own motion capture: docs/bvh.md; more: make help"

test: setup ## run the whole test suite, on two cores
	OMP_NUM_THREADS=1 python -m pytest --numprocesses 2 --dist loadfile

test-instructor: setup ## the tests in which Ray builds an environment: minutes, 2 GB, a package index
	python -m pytest -m instructor

lint: setup ## check format, style and types
	ruff check .
	ruff format --check .
	mypy

datagen: CONFIG ?= configs/datagen/demo.yaml
datagen: setup ## make shards: CONFIG=configs/datagen/X.yaml ARGS="key=value ..."; RAY_ADDRESS names a cluster
	python -m datagen generate --config $(CONFIG) $(ARGS)

pretrain: CONFIG ?= configs/pretrain/small.yaml
pretrain: setup ## pre-train: CONFIG=configs/pretrain/X.yaml ARGS="data=... output=... key=value ..."
	deepspeed $(QUIET) pretrain/train.py --config $(CONFIG) $(ARGS)

finetune: CONFIG ?= configs/finetune/demo.yaml
finetune: setup ## fine-tune and report: CONFIG=configs/finetune/X.yaml ARGS="release=... output=..."
	python -m finetune run --config $(CONFIG) $(ARGS)

sweep: CONFIG ?= configs/finetune/sweep_demo.yaml
sweep: setup ## many fine-tuning runs as Ray tasks: CONFIG=configs/finetune/X.yaml
	python -m finetune sweep --config $(CONFIG) $(ARGS)

tensorboard: setup ## watch every run below runs/ at http://localhost:6006
	tensorboard --logdir runs

cluster-test: setup ## three Ray nodes here: a worker, then a node dies, one is added; the shards must be equal
	python -m tests.datagen.disturbed

bench-memory: setup ## peak memory of driver and workers for an input and for ten times as much
	python -m benchmarks.memory

bench-imu: setup ## IMU synthesis against smplx, body by body and a memory copy, on one thread
	OMP_NUM_THREADS=1 python -m benchmarks.imu

bench-bvh: setup ## reading BVH against plain Python, numpy and pandas, on one thread
	OMP_NUM_THREADS=1 python -m benchmarks.bvh

bench-differentiation: setup ## accelerations from noisy samples of analytic motion, against scipy's splines
	OMP_NUM_THREADS=1 python -m benchmarks.differentiation

bench-text: setup ## sentences to vectors by MiniLM: batches, one by one, cached, on one thread
	OMP_NUM_THREADS=1 python -m benchmarks.text

bench-loss: setup ## contrastive loss in chunks against all logits at once: memory and time
	OMP_NUM_THREADS=1 python -m benchmarks.loss

bench-datagen: setup ## motion files to shards: one core, two, and a plain write
	OMP_NUM_THREADS=1 python -m benchmarks.datagen

bench-stream: setup ## shards to batches against plain WebDataset, reading tars and a memory copy
	OMP_NUM_THREADS=1 python -m benchmarks.stream

bench-pretrain: setup ## a step against its arithmetic alone, 2 ranks against 1, and a plain DDP loop
	OMP_NUM_THREADS=1 python -m benchmarks.pretrain

bench-predict: setup ## labelling a recording whole, sample by sample and by ONNX, on one core
	OMP_NUM_THREADS=1 python -m benchmarks.predict

bench-finetune: setup ## stored tokens against encoding in every epoch, cells on Ray, a cell of each row
	OMP_NUM_THREADS=1 python -m benchmarks.finetune

clean: ## remove the environment and caches; runs/ stays
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
