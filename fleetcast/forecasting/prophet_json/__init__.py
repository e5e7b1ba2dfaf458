"""Prophet's own JSON: the schema, reading it and writing it."""
