"""Tells the world outside of state changes, as EventBridge would."""
