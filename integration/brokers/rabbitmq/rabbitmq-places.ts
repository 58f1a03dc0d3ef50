/** Where `rabbitmq-server` is. The wrapper that Debian puts on the PATH runs as its own user only; what it wraps, as anybody. */
export const rabbitmqPlaces: readonly string[] = ['/usr/lib/rabbitmq/bin/rabbitmq-server', 'rabbitmq-server'];
