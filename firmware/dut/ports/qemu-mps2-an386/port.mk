# The DUT on QEMU's mps2-an386.
PORTS += qemu
FOLDER_qemu := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
CC_qemu := $(CC_ARM)
FLAGS_qemu := $(CORTEX_M4F)
LINK_qemu := $(CORTEX_M_LINK) -T $(FOLDER_qemu)/link.ld
SUFFIX_qemu := .elf
