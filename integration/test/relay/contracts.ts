import { type Contract, defineMessage } from '@holdfast/core';
import { z } from 'zod';

const Numbered = z.object({ key: z.string(), n: z.number() });

/** A message with a key of one's choice. */
export const NumberedMessage: Contract<'numbered', z.infer<typeof Numbered>, z.infer<typeof Numbered>> = defineMessage(
  'numbered',
  { version: 1, topic: 'numbers', schema: Numbered, key: ({ key }) => key },
);
