"""The project's own record schemas, by name and version, and the model manifest."""
