# A port's Makefile. Copy the folder, then write your board's name for `template` in here (docs/how-to/port-a-board.md).
PORTS += template
FOLDER_template := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

# Compiler and its flags, for linking, too; what comes after the objects when linking; the program's suffix.
# A Cortex-M4F: $(CC_ARM), $(CORTEX_M4F), $(CORTEX_M_LINK) -T $(FOLDER_template)/link.ld, .elf
# A Cortex-M3: the same with -mcpu=cortex-m3 -mthumb -ffreestanding for $(CORTEX_M4F)
CC_template := $(CC_HOST)
FLAGS_template :=
LINK_template :=
SUFFIX_template :=
