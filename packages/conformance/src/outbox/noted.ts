import { type Contract, defineMessage, type MessageDefinition } from '@holdfast/core';

/** What the suite sends: a text of at most 100 characters. */
export interface Note {
  readonly text: string;
}

const isNote = (value: unknown): value is Note =>
  typeof value === 'object' &&
  value !== null &&
  'text' in value &&
  typeof value.text === 'string' &&
  value.text.length <= 100;

const schema: MessageDefinition<Note, Note>['schema'] = {
  '~standard': {
    version: 1,
    vendor: 'conformance',
    validate: (value) =>
      isNote(value) ? { value } : { issues: [{ message: 'expected a text of at most 100 characters' }] },
  },
};

export const Noted: Contract<'conformance.noted', Note, Note> = defineMessage('conformance.noted', {
  version: 1,
  topic: 'overridden by every test',
  schema,
});
