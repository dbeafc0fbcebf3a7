"""A run, whatever runner made it: its log, results, traces and scores, and the figures that follow."""
