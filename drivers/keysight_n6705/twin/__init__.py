"""Twin of the Keysight N6705 on the virtual bench. It follows its manuals and imports no driver."""
