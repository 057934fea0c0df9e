"""The API's edge: where the old API's field names meet the service's words."""
