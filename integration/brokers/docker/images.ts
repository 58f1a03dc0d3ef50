import { kafkaVersion } from '../kafka/kafka-version.ts';

/** The images that servers run from in Docker, as docker-compose.yml has them. */
export const images = {
  postgres: 'postgres:17',
  redis: 'redis:8',
  rabbitmq: 'rabbitmq:4',
  kafka: `apache/kafka:${kafkaVersion}`,
} as const;

/** The image of a server, or what HOLDFAST_POSTGRES_IMAGE, HOLDFAST_REDIS_IMAGE and so on name in its place. */
export const imageOf = (server: keyof typeof images): string =>
  process.env[`HOLDFAST_${server.toUpperCase()}_IMAGE`] ?? images[server];
