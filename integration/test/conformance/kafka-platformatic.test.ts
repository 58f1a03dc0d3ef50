import { kafkaSuite } from './kafka-suite.ts';

kafkaSuite('transport-kafka over @platformatic/kafka', { platformatic: {} });
