/** Records entries into the file that it is given, as fast as it can, until it is killed. */
import { openHistory, say } from '../../../harness/index.ts';

const history = openHistory(process.argv[2] ?? '');
for (let seq = 0; ; seq++) {
  history.record({ f: 'effect', type: 'ok', id: `a${seq}`, key: 'a', seq });
  if (seq % 1_000 === 0) say({ recorded: seq });
}
