"""Transports: framing, timeouts on the injected clock, the transcript."""
