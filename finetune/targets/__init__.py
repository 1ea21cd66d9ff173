"""Readers of labelled real recordings, one file for each data set; each yields Recording."""
