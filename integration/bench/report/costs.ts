/** What one pays for, and how not to; a part of the page. */
export const costs = `## What each feature costs, and when to turn it off

| feature | what it costs | when to turn it off |
|---|---|---|
| the outbox itself | a round trip and three indexed rows in the transaction (row 1) | never for what must not be lost; \`createPublisher\` publishes without it |
| \`ordering: 'key'\` in the outbox | one advisory lock a key; writers of one key wait for each other’s commit | \`createOutbox(database, { ordering: 'none' })\` where no order is needed, above all with a hot key |
| \`capacity\` | one cheap estimate every 250 ms | never: it is what answers 429 before the disk is full |
| waking by NOTIFY | one statement for many commits, on a connection of its own (row 2) | \`listen\` cannot go through PgBouncer in transaction mode: give \`listenUrl\`, or live with the poll once a second |
| the relay, idle | one look a second, three lease renewals in \`leaseMs\` (row 13) | raise \`leaseMs\` where a minute’s wait after a crash is fine |
| more shards | a connection’s worth of statements each; more batches in flight | leave it at 4 until one broker partition is idle while rows wait |
| \`batchSize\`, \`maxInFlight\`, \`maxBytes\` | memory, and copies after a crash (row 12) | lower \`maxInFlight\` and \`maxBytes\` in small containers |
| \`once\` | a transaction and one inbox row a message (row 8) | effects that are idempotent by themselves: leave \`database\` out |
| \`onBatch\` with \`once\` | one inbox statement a batch (row 9) | use it wherever effects can be written together; it is the cheapest way to once |
| \`inbox: 'store-first'\` | a second write of each message | where the broker’s own retries and redelivery are enough |
| \`timeoutMs\`, \`retry\` | part of the stack’s microseconds (row 11): one timer for all attempts together | no reason to |
| a schema on the contract | its validation, on sending and on receiving | a schema that accepts everything, between services that are deployed together |`;
