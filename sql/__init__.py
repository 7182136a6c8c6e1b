"""Questions on databases: values, schema linking, SQL generation, execution and selection."""
