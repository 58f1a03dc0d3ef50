/** A signal that aborts when the one it grew from does, or by {@link abort}. */
export interface Branch {
  readonly signal: AbortSignal;
  readonly controller: AbortController;
  readonly from: Stem;
  children: Set<Branch> | undefined;
}

/** What branches grow from: another branch, or a signal that somebody else made. */
type Stem = Branch | Root;

interface Root {
  readonly foreign: AbortSignal;
  children: Set<Branch> | undefined;
  readonly onAbort: () => void;
}

/**
 * Grows a branch from a signal; {@link cut} it when its operation has ended.
 *
 * However many branches a foreign signal has at once it carries one listener, and none when all are cut; a signal of our
 * own carries none ever. So nothing leaks, Node does not warn of eleven listeners, and a branch costs its controller.
 */
export const grow = (signal: AbortSignal): Branch => {
  const from = stemOf(signal);
  const controller = new AbortController();
  const own: OwnSignal = controller.signal;
  const branch: Branch = { signal: own, controller, from, children: undefined };
  own[owner] = branch;
  from.children ??= new Set();
  if (from.children.size === 0 && 'foreign' in from) from.foreign.addEventListener('abort', from.onAbort);
  from.children.add(branch);
  return branch;
};

export const cut = (branch: Branch): void => {
  const { from } = branch;
  from.children?.delete(branch);
  if ('foreign' in from && from.children?.size === 0) from.foreign.removeEventListener('abort', from.onAbort);
};

/** Aborts a branch and all that grows from it. */
export const abort = (branch: Branch, reason: unknown): void => {
  branch.controller.abort(reason);
  abortChildren(branch, reason);
};

const abortChildren = ({ children }: Stem, reason: unknown): void => {
  for (const child of children ?? []) abort(child, reason);
};

/** How a signal of ours is found to be one, without a look-up. */
const owner: unique symbol = Symbol('holdfast.branch');
type OwnSignal = AbortSignal & { [owner]?: Branch };

const roots = new WeakMap<AbortSignal, Root>();

const stemOf = (signal: OwnSignal): Stem => signal[owner] ?? roots.get(signal) ?? plant(signal);

const plant = (foreign: AbortSignal): Root => {
  const onAbort = (): void => abortChildren(root, foreign.reason);
  const root: Root = { foreign, children: undefined, onAbort };
  roots.set(foreign, root);
  return root;
};
