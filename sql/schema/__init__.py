"""Database schemas as plain immutable data, and the files they are read from."""
