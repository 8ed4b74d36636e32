"""What a post is, and how posts come in and are drawn."""
