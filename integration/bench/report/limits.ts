/**
 * By row: where a gate or a goal is not reached, the profile that says why, what was tried, what the limit is. CPU times are those
 * of the backend or the process by `/proc`, which other people’s work on the machine changes less than the time on the wall.
 */
export const limits: Readonly<Record<number, string>> = {
  1:
    'Both cores are full on both sides, so what counts is CPU a transaction, client and server together, in rounds of a second that ' +
    'took turns: the business transaction 650 µs; opened by `outbox.transaction`, which can be aborted from outside, 710; with three ' +
    'rows inserted by hand into a table with one index 790 (so 0.8 is what any outbox reaches that spends a round trip); with ' +
    '`outbox_add` called by hand 950; ours 1,090. Of the 145 µs that `outbox_add` costs the server beyond the insert by hand, a fifth ' +
    'each are the locks of the keys, the look at the shards and the slot, and the function itself, the rest is that a row ' +
    'says more (its place in the ring, its xid, when it is due). Of the 240 µs of a call with three in a session alone, reading the ' +
    'statement and its JSON are 45, calling an empty function 5; the xid, asked for once and by an expression, took 12 more before. ' +
    'Validating, encoding and ids take 14 µs for three; the way of a transaction through the process, in a loop without sockets, ' +
    'took 13 and takes 9 (by hand 2). Measured again, the ratio has stayed what it was. Tried: ' +
    'locks, xid and slot in one statement, elements in place of a recordset, the slot’s own table in place of the partitioned ' +
    'one, a plain call in place of a function scan; no difference. What is left would be sending the insert together with ' +
    'COMMIT, which would lock the key too late for who relies on the order of `add` and his own later statements.',
  2:
    'The writers and Postgres fill two cores by themselves, so whatever two relays use is missing. Each of their statements wakes a ' +
    'process on either side, which costs more than what it does. A fetch is one call for all shards (300 µs of the server ' +
    'before); what was confirmed waits up to 25 ms for others, was 10, and one statement deletes it for all shards: forty a second in ' +
    'place of five hundred at 1,000 messages a second. A NOTIFY makes both relays fetch; after each there is a rest of eight times as long ' +
    'as it took, between 10 and 50 ms, and it no longer waits for the disk. On a machine that was overloaded by others what the relays add ' +
    'to a transaction fell by a third (CPU of all processes, 4.5 and 4.9 ms to 3.3 and 2.6 in runs that took turns, with a rest of four ' +
    'times as long); on a quiet one the ratio went from 0.775 to 0.87. Tried: letting each ' +
    'fetch rest for as long as the one before had taken, which halved their number and made no difference here. While a relay in the ' +
    'writers’ own process owns every shard, no NOTIFY is sent at all (60–110 µs each, up to a hundred a second); here the relays are ' +
    'elsewhere and need it.',
  3:
    'Both cores are full, four fifths of the time. A row costs the relay’s process 2.7 µs and Postgres 4.7, where the bare loops take 1.6 and ' +
    '6 to 7. It was 3.5 and 6.2, and 0.8 of the bare loops; four things made the difference. Statements delete up to 1,000 rows of a shard: with ' +
    '500, reading waited for deleting. Two thirds of the garbage of a drain was promoted before it was collected: a result that `pg` gives back ' +
    'as a promise stays until the next full collection, by callback it does not; and V8 puts what an object literal makes with the old ' +
    'objects from the start once it has found a page’s rows alive, a copy of a blank one it does not; collecting took 15 % of the process ' +
    'and takes 3. What is confirmed is kept as a place, not as a row with its texts. The running sum that bounds a page in bytes, 0.6 µs, ' +
    'is taken only where rows are about that are larger than their share of a page. Of the 4.7, inside Postgres: reading by index with the check of ' +
    'the snapshot 0.5; storing the function’s rows before the first is sent 0.3; the text that says where a row is 0.3; sending it 1 to 1.5; ' +
    'deleting it 1.0, since rows that lie close together are deleted by the range they lie in; the lists of numbers 0.3; the rest is the WAL and the ' +
    'system calls. A twentieth of the time of the run is joining, before the first row, and leaving. Tried: a query of one statement for all shards at ' +
    'once (6 % slower for full pages, and kept for several), more rows in memory (no difference), smaller first pages (no difference), pages of ' +
    '500 (a tenth slower), rows given back one by one by an SQL function (4.1 in place of 3.9). The bare loops keep no order and hold ' +
    'nothing that could be fenced.',
  4:
    'Published directly, a message is one round trip and one flush to disk; through the outbox it is begin, insert, commit, ' +
    'fetch and publish, five round trips and two flushes one after the other, so about three times is where a machine at leisure ends: ' +
    'at 200 messages a second it is 2.2 ms beside 0.74. At 1,000 a second ours takes 1.4 ms of CPU a message (0.55 client, 0.9 ' +
    'server) of the two that there are: it queues. 47 % of the client’s part is the system call that sends a statement and wakes the ' +
    'backend. A fetch of all shards is one query now and takes 350 µs in place of 430, round trip included; the ratio of the medians went from ' +
    '7.3 to 5.3. Tried: letting a fetch rest for as long as the one before took: a tenth less CPU, the same median. ' +
    'Two connections of a pool are kept from transactions, or the relay would wait behind every one that queues. Connections are ' +
    'opened before it counts: a pool that grows to forty while messages come makes some wait 100–200 ms. What would help beyond that ' +
    'is the client: `pg` sends nothing before the last answer is there, or BEGIN could go with the first statement.',
  6:
    'With a transaction open it was 0.897 in the one round that there was; it is three rounds now, and 1.01. Profiled on a machine that others ' +
    'used too, by CPU time of the backends and the process for each hundred thousand of a million rows: with the transaction open ' +
    'Postgres spends 54 µs a row on the first, 55 on the last and between 47 and 59 on those in between (adding included), the process 16, ' +
    'before V8 has optimised it, then 12 to 14; the times inside fetch and delete, which on such a machine are no CPU times, go up and ' +
    'down with the load. So nothing of note grows: what stays are the dead rows of one slot (2.6 MB), and 84 of `pg_class`, from ' +
    'truncations. That slot stays locked, so the ring turns every two seconds in place of ten times a second and takes up to 40 MB in place ' +
    'of 4. Tried: slots of 4 and of 8 MB in place of 2, no difference in CPU. What is left is the weather between two stretches of two ' +
    'seconds, half a minute apart.',
  8:
    'Both cores are full: by hand a message takes 117 µs of the process and 231 of Postgres, ours 190 and 255. Recording it goes with ' +
    'BEGIN, one round trip less, and `once` alone, 16 at once without a consumer, costs what the transaction by hand costs (120 and 227). ' +
    'The rest is the consumer around it: decoding, lanes, slots, parking, 35 µs by the profile where it runs once in 250 µs between ' +
    'a hundred switches to backends, and 8 where it runs hot (row 11); and the question whether a message has been handled. That ' +
    'cost the backend 75 µs and 3 a message, and was shared by five; it now waits until half of the handlers’ next messages are used ' +
    'up, is shared by eight to fifteen, and names the group once: 304 µs on the wall became 268, beside 212. Each write to a socket ' +
    'takes 30–60 µs of the process, three in ours, four by hand. In a loop without sockets a `once` took 25 µs of the process and ' +
    'takes 14: no race for its connection, one listener for the wait and the work; with it the ratio is 0.77 to 0.80. What is ' +
    'left is two settings that go with each BEGIN, 6 µs of Postgres, and an AbortController for each message, 4 of the process.',
  9:
    'Beside it a message takes 9 µs of the process and 2.8 of Postgres, one after the other: 10.7 on the wall. Ours took 19 and 15, ' +
    'also mostly one after the other: 28. A record is an index entry in one of eight partitions: it took 6.7 µs, 2.1 of them for ' +
    '`on conflict` and what it gives back, 0.6 for reading the clock; a batch is now taken for new, and asked for one by one only where ' +
    'Postgres found a record: 3.7. The question whether a message has been handled took 3.3 and takes 2.2. The next batch’s BEGIN is now ' +
    'sent before the process settles the last one and prepares the one after (2 ms of 200 messages): 16 and 12, on the wall 20, and ' +
    'the gate is met. ' +
    'The two cores would allow 14; what is missing is that the process waits for the effects and the COMMIT with nothing to do. Tried: ' +
    'settling 50 messages in each turn of the event loop, so that it would have, which broke the batches into 50 and 150 and took 26–31.',
  10:
    'Consuming fills the process, not the backend: 5 µs a message of the one beside 2.8 of the other (by hand 1.9 and 2.0). They ' +
    'took turns, and for 2.6 of a message’s 7.1 µs the process stood idle; now the next page, half of the window, is asked for before ' +
    'one is handed over, and 6.0 are left beside 3.3. Of the 5: texts of seven columns and the body’s copy into bytes 1.5, the headers’ ' +
    'JSON 0.3, lane, ring and promise 1.3, the garbage collector 0.5, rows and protocol the rest; the start of the subscription is 12–25 ms ' +
    'of each round. The goal would leave 2 µs for all that a delivery is. Tried: position, segment and encoding in one column, as the ' +
    'relay’s fetch has them, which made no difference.',
  11:
    'Of 7–8 µs of CPU a message when warm, 3 are the memory transport and the lanes, 1.6–1.9 decoding and zod, a quarter of all is the ' +
    'garbage collector. The clock is read five times a message, 0.2–0.4 µs each on this machine (two for the attempt’s time, ' +
    'three so that health can tell a handler that is stuck); that is known and not yet spent less often.',
  12:
    'What grows is V8’s young generation: it doubles whenever as much as it holds has survived since it last did, however long that ' +
    'took, up to 32 MiB twice over; no process that works for long stays below that. With `maxInFlight: 250`, a quarter of the ' +
    'rows in memory, the peak is 126 MiB in place of 141 (300,000 rows); with `--max-semi-space-size=4` it is 21 to 26, at the same rate. ' +
    'Give a relay process that flag where memory is dear. That most garbage of a drain was promoted (row 3) is mended, and the heap no longer ' +
    'goes up and down by 100 MiB, but the young generation still grows. What twenty seconds of work then add to half a second of it is the old ' +
    'generation, which V8 lets grow towards its limit before it looks what of it is garbage. Rows in memory are bounded either way: three ' +
    'times `maxInFlight` and `maxBytes` a shard.',
  24:
    'Of the p50 at 200 a second (2.4–2.9 ms) the transaction is 0.8–1.0, half of it until the row is inserted and the rest the commit with ' +
    'its flush; from the commit to the publish, which is the wake-up and the fetch, pass 0.6–0.8; publish and delivery take 1.0–1.2 in place of ' +
    'the 0.7–0.85 beside, since the fetches and deletes of others run between them in the same process and on the same two cores. ' +
    'The gate leaves about 2.4. The machine is not full: process and relay use a fifth of one core.',
  33:
    'The process is full, the machine is not: publishing alone costs it 25–28 µs a message, a third of that in the buffers that kafkajs’s ' +
    'encoder makes for each message and each header, and Kafka 3–5; reading, handing on and deleting a row cost it 6–8 µs more, and Postgres 6. ' +
    'The gate leaves 6.5. Of the 6–8, 2.6 are `pg`, 3.5 the relay, the rest the garbage collector, which the buffers of kafkajs set off. What helps is ' +
    'the other client, which encodes for a third, or a second relay process.',
  34:
    'As row 24: the parts before the publish are the same, and beside it is 0.6–0.9 ms. The gate is met in some runs and missed in others ' +
    '(2.6 to 3.5): it lies where three round trips and a flush stand against one publish. What of the rest is Kafka’s was not profiled.',
  41:
    'The process is full: publishing alone costs it about 7.4 µs a message, and the rows of the outbox about 9 more to read, hand on and ' +
    'delete (row 33 has the parts). The gate would leave 1.3 µs for all of that. A second relay process has the other half of the shards.',
  42:
    'The parts are those of row 24, transaction 1.2–1.3 ms and wake-up with fetch 0.8–0.9 here, but what they are held against is a ' +
    'publish to memory: 0.55–0.7 ms. Three times that is 1.8, and a transaction, which flushes to disk, with the delivery after it and a ' +
    'relay that costs nothing would be 2.0. The gate is out of reach beside a Redis that writes nothing to disk.',
  60:
    'A key that failed put the others out of step: sixteen handlers that had asked the inbox together, and recorded together, went on ' +
    'in groups of seven, with two to three times as many statements, 0.63. Look-ups and records now go one batch at a time, which ' +
    'begins at the end of the event loop’s turn, so that whoever was just answered is in it: with and without a failing key there ' +
    'are as many statements (940 of each for 15,000 messages). Two batches of records at once are 7 % faster as long as nothing is ' +
    'out of step, and 0.79 when something is. Before, each message that was parked also made Postgres read the group’s whole inbox.',
  61:
    'Both cores are full, three quarters of the time. Parking costs the backend 38–42 µs a message and the process 18–20; draining 20 and 9: about ' +
    '90 µs of CPU, by hand 11 and 5. So about 0.35 is what two cores give when nothing ever waits: runs end between 0.25 and 0.31. Inside the ' +
    'function, 28 µs a message of a statement of 500: the insert into a table with three indexes, where the one by hand has one, 11, that a copy ' +
    'is turned away 3, the JSON 7, the locks, the look at the key’s row and for copies the rest; to which come what each statement begins with, the WAL ' +
    'and the system calls. In the process: the transport, the lanes and the promises of one delivery; the first rounds take twice as much, ' +
    'before V8 has optimised it. The last that helped: two statements at once that each have keys of their own, so that ' +
    'neither waits for the other’s locks; owners and keys given beside the messages, in place of being looked for among them; `json`, which ' +
    'is read once, in place of `jsonb`. What would help: arrays in place of JSON (4 µs in place of 7, but 3 more to write them). ' +
    'What made the difference from 0.09: until a new table was analysed parking read all that was parked in the group (140 µs a message at ' +
    '10,000, and growing); a drained message was asked for, deleted and put to rest in statements of its own kind, now its key is read ' +
    'by one statement and deleted, recorded and unparked by another; each message parked also looked for due ones; the ' +
    'lock of a partition’s owner is worked out once a statement; the next keys are looked for while the last ones leave the store, which took ' +
    'draining from 35 to 20 µs on the wall; and there are as many handlers as the statements beside it have rows. Tried without ' +
    'effect: batches that wait for the end of the turn, one statement at a time or three, the time read once a statement, parking without the ' +
    'look for a copy that was settled.',
  71:
    'In a script for a hundred keys Redis spends about 3.5 µs on a key, 2.4 of them in its SET; it was 8.3 before one SET did what GET ' +
    'and SET did, and 4.7 before all keys of a call had one owner: what is said of each is now said once, and what is answered most is ' +
    'answered once. Our part of the process is about 2 µs a key, was 4.4: one text less to write, none to read, and the signal of a ' +
    'claim comes from a prototype, where a getter of its own cost each claim more than the rest of it. What is left is the place of the ' +
    'key, what keeps the claim renewed, and the one text a key that ioredis writes. One call after another, these add up; beside it ' +
    'Redis and the client work at the same time. Scripts of 25 to 50 keys, so that ours would too, made no difference that could be ' +
    'told from that of other people’s work.',
};
