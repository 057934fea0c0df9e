"""What the people who run the service see and do: health, metrics, status, backups, retention."""
