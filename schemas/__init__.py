"""What flows between the parts: models, names, settings and query bodies; nothing here does I/O."""
