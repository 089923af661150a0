"""Apache Kafka itself, from its official jars: the reference that the laws are proved against."""
