"""Readers of motion, one file for each format; each yields Motion."""
