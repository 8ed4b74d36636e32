"""The coding page: a small web server on the lead's machine, for coders and the lead."""
