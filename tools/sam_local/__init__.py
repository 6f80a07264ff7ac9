"""`make sam-local`: every sample event under events/, answered by the built functions in Lambda's containers."""
