/** The Apache Kafka that the local way runs and Docker is asked for. */
export const kafkaVersion = '4.3.1';
