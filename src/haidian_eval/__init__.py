"""A reproducible evaluation study of the performance-assessment system of Haidian District."""

__version__ = "0.1.0"
