import { kafkaVersions } from '../kafka/kafka-version.ts';

/** The image that each server runs from in Docker, and the port on which it listens inside, as docker-compose.yml has them. */
export const containers = {
  postgres: { image: 'postgres:17', port: 5432 },
  redis: { image: 'redis:8', port: 6379 },
  rabbitmq: { image: 'rabbitmq:4', port: 5672 },
  kafka: { image: `apache/kafka:${kafkaVersions.docker}`, port: 9092 },
} as const;

/** The image of a server, or what HOLDFAST_POSTGRES_IMAGE, HOLDFAST_REDIS_IMAGE and so on name in its place. */
export const imageOf = (server: keyof typeof containers): string =>
  process.env[`HOLDFAST_${server.toUpperCase()}_IMAGE`] ?? containers[server].image;
