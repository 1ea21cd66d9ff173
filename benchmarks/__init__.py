"""Speed and memory against the alternatives, in one run each: `make bench-...`."""
