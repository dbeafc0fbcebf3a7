# ST's NUCLEO-L4R5ZI.
PORTS += nucleo-l4r5zi
FOLDER_nucleo-l4r5zi := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
CC_nucleo-l4r5zi := $(CC_ARM)
FLAGS_nucleo-l4r5zi := $(CORTEX_M4F)
LINK_nucleo-l4r5zi := $(CORTEX_M_LINK) -T $(FOLDER_nucleo-l4r5zi)/link.ld
SUFFIX_nucleo-l4r5zi := .elf
