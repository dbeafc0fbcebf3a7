# A port's Makefile. Copy the folder, then write your board's name for `template` in here (docs/how-to/port-a-board.md).
PORTS += template
FOLDER_template := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

# Compiler and its flags, for linking, too; what comes after the objects when linking; the program's suffix, which is
# part of what you ask make for. As they stand here: a program of the PC.
# A Cortex-M4F, or a Cortex-M3 with -mcpu=cortex-m3 -mthumb -ffreestanding for $(CORTEX_M4F):
#   CC_template := $(CC_ARM)
#   FLAGS_template := $(CORTEX_M4F)
#   LINK_template := $(CORTEX_M_LINK) -T $(FOLDER_template)/link.ld
#   SUFFIX_template := .elf
CC_template := $(CC_HOST)
FLAGS_template :=
LINK_template :=
SUFFIX_template :=
