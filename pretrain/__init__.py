"""Shards in, a release of pre-trained encoders out."""
