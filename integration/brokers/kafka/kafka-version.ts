/** The Apache Kafka of each way to run one: the last of the older line, which many teams have, and the one that docker-compose.yml names. */
export const kafkaVersions = { local: '3.9.1', docker: '4.3.1' } as const;
