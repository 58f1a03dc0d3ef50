import { kafkaSuite } from './kafka-suite.ts';

kafkaSuite('transport-kafka', {});
