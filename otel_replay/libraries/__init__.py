"""What is recorded of libraries that programs use: a small module each, switched on by their import."""
