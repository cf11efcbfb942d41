"""One HTTP exchange: the client, conditional GET and freshness, and which addresses may be connected to."""
