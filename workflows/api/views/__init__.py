"""Views parse, call one service and answer."""
