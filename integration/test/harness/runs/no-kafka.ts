import { ownKafka } from '../../../harness/index.ts';

await ownKafka();
