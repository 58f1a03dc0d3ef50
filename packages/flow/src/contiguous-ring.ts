/** The place of one position in its ring. Means nothing in another ring. */
export type Ticket = number;

/**
 * Finds how far everything is settled without a gap, while settlements come in any order.
 * What is behind a commit offset, an AMQP `multiple` ack or a delete up to here.
 */
export interface ContiguousRing<P extends {}> {
  /** Positions are added in the order of their partition. */
  add(position: P): Ticket;
  /** The position up to which everything is settled, if this settlement moved it. A second settlement does nothing. */
  settle(ticket: Ticket): P | undefined;
  /** How many places are held: the unsettled, and the settled behind an unsettled one. Its user bounds it. */
  readonly open: number;
}

export const createContiguousRing = <P extends {}>(): ContiguousRing<P> => {
  let positions: (P | undefined)[] = new Array(16).fill(undefined);
  let settled = new Uint8Array(16);
  let first = 0;
  let next = 0;
  const indexOf = (ticket: Ticket): number => ticket % positions.length;

  /** Tickets stay valid: a place is found by its ticket modulo the length. */
  const double = (): void => {
    const from = { positions, settled };
    positions = new Array(from.positions.length * 2).fill(undefined);
    settled = new Uint8Array(positions.length);
    for (let ticket = first; ticket < next; ticket++) {
      positions[indexOf(ticket)] = from.positions[ticket % from.positions.length];
      settled[indexOf(ticket)] = from.settled[ticket % from.settled.length] ?? 0;
    }
  };

  const advance = (): P | undefined => {
    let reached: P | undefined;
    for (; first < next && settled[indexOf(first)] === 1; first++) {
      reached = positions[indexOf(first)];
      positions[indexOf(first)] = undefined;
      settled[indexOf(first)] = 0;
    }
    return reached;
  };

  return {
    add: (position) => {
      if (next - first === positions.length) double();
      positions[indexOf(next)] = position;
      return next++;
    },
    settle: (ticket) => {
      if (ticket < first || ticket >= next) return undefined;
      settled[indexOf(ticket)] = 1;
      return ticket === first ? advance() : undefined;
    },
    get open() {
      return next - first;
    },
  };
};
