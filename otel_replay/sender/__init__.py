"""Sends recorded runs to OTLP endpoints, later and as often as you like. Nothing here imports the SDK."""
