"""Links to instruments: framing, timeouts on the injected clock, the transcript."""
