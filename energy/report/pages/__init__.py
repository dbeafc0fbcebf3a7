"""Self-contained HTML pages: a session, a sweep, a comparison, a validation, the published results."""
