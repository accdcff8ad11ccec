"""HTTP/1.1 between the sockets and Tornado's handlers."""
