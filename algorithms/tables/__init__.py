"""CSV files become typed Parquet files, and those become tables. Needs pyarrow: child processes only."""
