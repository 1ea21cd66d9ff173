"""Looking at what datagen makes: clips as pictures, folders of shards as a page."""
