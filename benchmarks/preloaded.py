"""What every environment imports first. The server that forks them has it already, so that 32 are warm soon."""

from tools.handlers import load_function

for _name in ("allocate", "release", "relay"):
    load_function(_name)
