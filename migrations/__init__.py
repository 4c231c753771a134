"""The schema, one step a file, applied by alembic."""
