"""The published results of MLPerf Tiny as data: rows, budgets, rankings, searches."""
