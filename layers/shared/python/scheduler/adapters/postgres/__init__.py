"""All SQL: migrations, routines, and one module of typed functions a table."""
