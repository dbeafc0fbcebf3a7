# The DUT on QEMU's lm3s6965evb.
PORTS += lm3s6965evb
FOLDER_lm3s6965evb := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
CC_lm3s6965evb := $(CC_ARM)
FLAGS_lm3s6965evb := -mcpu=cortex-m3 -mthumb -ffreestanding
LINK_lm3s6965evb := $(CORTEX_M_LINK) -T $(FOLDER_lm3s6965evb)/link.ld
SUFFIX_lm3s6965evb := .elf
