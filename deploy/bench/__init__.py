"""``headrace bench``: load over real sockets, beside a bare baseline in the same run."""
