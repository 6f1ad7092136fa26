"""gan_np."""
