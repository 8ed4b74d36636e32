"""From posts of government accounts to the mix of e-government stages per account."""

__version__ = "0.1.0"
