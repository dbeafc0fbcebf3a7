"""MLPerf Tiny: limits, log and result files, and the figures of a folder, file or tree that holds traces."""
