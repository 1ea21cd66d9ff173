"""Where and how work runs: configuration, run records, progress, Ray connections."""
