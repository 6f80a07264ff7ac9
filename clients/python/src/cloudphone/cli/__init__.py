"""The command line `cloudphone`. The README says what each command is for, and what the exit codes mean."""
