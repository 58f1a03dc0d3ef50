import { say, told } from '../../../harness/index.ts';

say({ ready: true, args: process.argv.slice(2), greeting: process.env.GREETING });
console.error('a word on standard error');
console.log('no JSON');
for await (const line of told()) say({ told: line });
