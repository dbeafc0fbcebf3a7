# The network for the Makefiles of the DUT: include this file.
#
#   NETWORK_SOURCES            C files that every workload shares
#   NETWORK_INCLUDES           -I for their headers
#   $(MODELS_BUILD)/W/model.c  tables of workload W (with model.h beside it: add -I$(MODELS_BUILD)/W);
#                              written together, so objects of W depend on either (order-only will do);
#                              workload.c includes model.h, so it is compiled once a workload
#   network-test, network-check    unit tests and static analysis of the kernels, for test and check
#   $(MODELS_BUILD)/W/run          a program that the tests feed with inputs
#
# What may be set, here or on the command line:
#   PYTHON    interpreter with this project's packages; not set, or just python3: .venv's, if there is one
#   MODELS    folder of the reference models, W_int8.tflite; not there: synthetic weights
#   TFLITE_W  another model for workload W; empty: synthetic weights
#   SEED      of the synthetic weights

NETWORK_DIR := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
NETWORK_SOURCES := $(addprefix $(NETWORK_DIR)/,kernels.c network.c workload.c)
NETWORK_INCLUDES := -I$(NETWORK_DIR)
WORKLOADS := ad01 ic01 kws01 vww01

# Paths seen from firmware/, made relative to where make runs: from firmware/ itself build/models/...
network_path = $(patsubst $(CURDIR)/%,%,$(abspath $(NETWORK_DIR)/../../$(1)))

TABLES_PYTHON := $(or $(filter-out python3,$(PYTHON)),\
	$(firstword $(wildcard $(call network_path,../.venv/bin/python)) python3))
MODELS ?= $(call network_path,../../shared/models)
MODELS_BUILD ?= $(call network_path,build/models)
SEED ?= 1

NETWORK_HEADERS := $(wildcard $(NETWORK_DIR)/*.h)
NETWORK_CC := gcc -std=c11 -O2 -g -Wall -Wextra -Wconversion -Wshadow -Werror -ffp-contract=off \
	-fsanitize=address,undefined -fno-sanitize-recover=all $(NETWORK_INCLUDES)
NETWORK_CPPCHECK := cppcheck --std=c11 --enable=warning,style,performance,portability --error-exitcode=1 \
	--suppress=missingIncludeSystem --quiet $(NETWORK_INCLUDES)
NETWORK_TOOLS := $(wildcard $(call network_path,tools)/*.py)

# made-from holds what the tables were made from last: touched only when that changes, so that another
# model or seed makes them anew.
define network_tables
TFLITE_$(1) ?= $$(wildcard $$(MODELS)/$(1)_int8.tflite)

$$(MODELS_BUILD)/$(1)/made-from: FORCE
	@mkdir -p $$(@D)
	@echo '$$(or $$(TFLITE_$(1)),seed $$(SEED))' | cmp -s - $$@ || \
		echo '$$(or $$(TFLITE_$(1)),seed $$(SEED))' > $$@

$$(MODELS_BUILD)/$(1)/model%c $$(MODELS_BUILD)/$(1)/model%h: $$(MODELS_BUILD)/$(1)/made-from \
		$$(NETWORK_TOOLS) $$(TFLITE_$(1))
	PYTHONPATH=$$(call network_path,..) $$(TABLES_PYTHON) -m firmware.tools.tables --workload $(1) \
		$$(if $$(TFLITE_$(1)),--tflite '$$(TFLITE_$(1))',--seed $$(SEED)) --out $$(MODELS_BUILD)/$(1)

# For the tests: a program that runs the workload on inputs from standard input, with sanitizers.
$$(MODELS_BUILD)/$(1)/run: $$(MODELS_BUILD)/$(1)/model.c $$(NETWORK_SOURCES) $$(NETWORK_HEADERS) \
		$$(NETWORK_DIR)/tests/run_network.c
	$$(NETWORK_CC) -I$$(@D) $$(filter %.c,$$^) -o $$@
endef
$(foreach workload,$(WORKLOADS),$(eval $(call network_tables,$(workload))))

# The kernels' unit tests.
$(MODELS_BUILD)/test-kernels: $(NETWORK_DIR)/tests/test_kernels.c $(NETWORK_DIR)/kernels.c $(NETWORK_HEADERS)
	@mkdir -p $(@D)
	$(NETWORK_CC) $(filter %.c,$^) -o $@

.PHONY: network-test network-check
network-test: $(MODELS_BUILD)/test-kernels
	$<
network-check: $(foreach workload,ad01 kws01,$(MODELS_BUILD)/$(workload)/model.h)
	for header in $^; do \
		$(NETWORK_CPPCHECK) -I$$(dirname $$header) $(NETWORK_SOURCES) $(wildcard $(NETWORK_DIR)/tests/*.c) || exit 1; \
	done

.PHONY: FORCE
FORCE:
