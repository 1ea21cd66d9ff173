"""Motion capture in, shards of pose, synthetic IMU and text out."""
