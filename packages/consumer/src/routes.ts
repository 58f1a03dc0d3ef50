import { type Contract, type Delivery, InvalidOptionError } from '@holdfast/core';
import type { AttemptEnd } from './attempt.ts';

/** Where the messages of one type go. */
export interface Route {
  readonly contract: Contract;
  /** How many handlers' worth of messages it can take at once. */
  readonly width: number;
  /** Runs the handler for a decoded payload. Never rejects. */
  run(payload: unknown, delivery: Delivery, spentMs: number): Promise<AttemptEnd>;
}

/** The routes by type. */
export interface Routes {
  add(route: Route): void;
  find(type: string): Route | undefined;
  readonly topics: readonly string[];
  readonly width: number;
}

export const createRoutes = (): Routes => {
  const routes = new Map<string, Route>();
  return {
    add: (route) => {
      const { type } = route.contract;
      if (routes.has(type)) {
        throw new InvalidOptionError('contract', `'${type}' has a handler already; one type has one handler`);
      }
      routes.set(type, route);
    },
    find: (type) => routes.get(type),
    get topics() {
      return [...new Set([...routes.values()].map(({ contract }) => contract.topic))];
    },
    get width() {
      return Math.max(1, ...[...routes.values()].map(({ width }) => width));
    },
  };
};
