"""A session's folder: the models of its documents, the names of its files, its manifest."""
