"""The Django app: what is stored, what the service does, and the API."""
