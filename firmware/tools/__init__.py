"""From an int8 ``.tflite`` file, or from a seed, to the C tables of a workload's network."""
