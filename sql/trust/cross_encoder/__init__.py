"""A small encoder that reads a question beside a query in words and says whether the query is what was asked."""
