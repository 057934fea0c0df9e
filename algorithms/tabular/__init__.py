"""Tables and the encoder that turns their rows into numbers. numpy only: the web process imports this package."""
