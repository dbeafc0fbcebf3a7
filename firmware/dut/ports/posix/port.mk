# The DUT as a process of this machine.
PORTS += posix
FOLDER_posix := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
CC_posix := $(CC_HOST)
FLAGS_posix := -D_XOPEN_SOURCE=700
