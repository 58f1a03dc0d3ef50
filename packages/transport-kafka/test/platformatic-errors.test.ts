import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as library from '@platformatic/kafka';
import { NoLeaderError } from '../src/errors.ts';
import { errorOf, isRefusedLogin, platformaticCodeOf } from '../src/platformatic-errors.ts';

const { AuthenticationError, MultipleErrors, NetworkError, ProtocolError, ResponseError } = library;
const kafkajs: { errorCodes: readonly { type: string; code: number }[] } = createRequire(import.meta.url)(
  'kafkajs/src/protocol/error',
);

describe('an error of @platformatic/kafka', () => {
  it('has the name that kafkajs has for it, of whatever the protocol knows', () => {
    for (const { type, code } of kafkajs.errorCodes) {
      if (code > 0) assert.equal(platformaticCodeOf(errorOf(library, code)), type, String(code));
    }
    assert.equal(platformaticCodeOf(errorOf(library, 0)), undefined);
    assert.equal(platformaticCodeOf(errorOf(library, 32_000)), undefined);
    assert.match(String(errorOf(library, 32_000)), /32000/);
  });

  it('has that name through lists and causes', () => {
    const answer = new ResponseError(0, 7, { '/responses/0': [6, null] }, {});
    assert.equal(platformaticCodeOf(answer), 'NOT_LEADER_FOR_PARTITION');
    assert.equal(
      platformaticCodeOf(new MultipleErrors('all failed', [new NetworkError('gone'), answer])),
      'NOT_LEADER_FOR_PARTITION',
    );
    assert.equal(platformaticCodeOf(new NetworkError('gone', { cause: new Error('reset') })), undefined);
    assert.equal(platformaticCodeOf(new NoLeaderError('a partition')), 'LEADER_NOT_AVAILABLE');
    assert.equal(platformaticCodeOf(undefined), undefined);
  });

  it('is of the credentials when somebody refused them, not when the connection ended meanwhile', () => {
    const refused = new AuthenticationError('SASL authentication failed.', {
      cause: new ResponseError(36, 2, { '/': [58, 'wrong password'] }, {}),
    });
    const ended = new AuthenticationError('Cannot find a suitable SASL mechanism.', {
      cause: new NetworkError('Connection closed'),
    });
    const failed = (cause: Error): Error => new NetworkError('Connection to 127.0.0.1:9092 failed.', { cause });
    assert.equal(isRefusedLogin(failed(refused)), true);
    assert.equal(isRefusedLogin(failed(new AuthenticationError('Invalid server nonce received.'))), true);
    assert.equal(isRefusedLogin(failed(new ProtocolError('UNSUPPORTED_SASL_MECHANISM'))), true);
    assert.equal(isRefusedLogin(failed(ended)), false);
    assert.equal(isRefusedLogin(failed(new Error('ECONNREFUSED'))), false);
  });
});
