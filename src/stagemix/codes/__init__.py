"""The codebook, the codes that people give by it, and how far they agree."""
