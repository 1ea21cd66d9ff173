"""A release and real recordings in, scores out."""
