"""The statements that prove the invariants from the rows: one check a constant, walked slice by slice."""
