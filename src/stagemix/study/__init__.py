"""A study is a folder: what is in it, and each step from files to files."""
