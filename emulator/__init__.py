"""A local SageMaker that really trains: one Docker container per ML compute instance."""

__version__ = "0.1.0"
