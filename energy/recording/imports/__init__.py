"""Files that the monitors' own programs save, read as recordings; those that are not read are named."""
