"""MLPerf Tiny: facts about its workloads, their inputs and validation sets, and the limits of its rules."""
