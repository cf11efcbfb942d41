"""Where claimed host buckets are polled: local.py does it in this process."""
